"""Slow, greedy and too many clients; another bundle; the end."""

import dataclasses
import json
import os
import shutil
import signal
import socket
import threading
import time

import pytest

from headstart.errors import BundleError, StoreError
from headstart.files import folder_written_whole
from headstart.model import bundle as bundle_files
from headstart.serving.limits import Limits
from headstart.serving.server import Server, Settings, _listening

STRICT = Limits(
    body=200_000,
    held=300_000,
    requests=1,
    connections=6,
    header_seconds=0.4,
    body_seconds=0.6,
    decode_seconds=1.5,
    send_seconds=0.5,
)


@pytest.fixture(scope="module")
def own(bundle, tmp_path_factory):
    """A copy that may be changed."""
    return shutil.copytree(bundle, tmp_path_factory.mktemp("served") / "own.headstart")


@pytest.fixture(scope="module")
def strict(running, own):
    with running(own, limits=STRICT) as server:
        yield server


@pytest.fixture
def picture(pictures):
    return next(iter(pictures.values()))


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(10)
    return connection


def rest(connection):
    """All that comes until the other side closes."""
    found = b""
    while got := connection.recv(65536):
        found += got
    return found


def told(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def post(data, length=None):
    length = len(data) if length is None else length
    return (
        b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % length + data
    )


def count(server, name):
    for line in server.client.get("/metrics").text.splitlines():
        if line.startswith(f"headstart_{name} "):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: loc"])
def test_a_header_that_does_not_come(strict, sent):
    with connect(strict) as connection:
        connection.sendall(sent)
        status, answer = told(rest(connection))
    assert status == 408
    assert "header had not arrived after 0.4 seconds" in answer["error"]


def test_a_header_that_comes_letter_by_letter(strict):
    with connect(strict) as connection:
        start = time.monotonic()
        try:
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - start < 4


def test_a_second_header_that_does_not_come(strict):
    """A kept connection gives nobody more time."""
    with connect(strict) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert told(_one_answer(connection)) == (200, {"live": True})
        connection.sendall(b"GET")
        assert b" 408 Request Timeout" in rest(connection)


def test_a_body_that_does_not_come(strict):
    with connect(strict) as connection:
        connection.sendall(post(b"half", length=100))
        status, answer = told(rest(connection))
    assert status == 408
    assert "body had not arrived" in answer["error"]
    assert count(strict, "bytes_held") == 0


def test_a_body_that_breaks_off(strict):
    before = count(strict, "request_seconds_count")
    with connect(strict) as connection:
        connection.sendall(post(b"half", length=100))
    # The server may answer questions before it reads what was sent, or hears that one has gone.
    _until(lambda: count(strict, "request_seconds_count") > before)
    assert count(strict, "bytes_held") == 0
    assert strict.client.get("/healthz").status_code == 200


def test_a_body_where_none_is_wanted_ends_the_connection(strict):
    with connect(strict) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: a.b\r\ncontent-length: 9\r\n\r\n")
        assert b"connection: close" in rest(connection)


def test_a_careful_client_is_told_before_it_sends(strict):
    with connect(strict) as connection:
        head = b"POST /predict HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n"
        connection.sendall(head + b"content-length: 999999\r\n\r\n")
        status, _ = told(rest(connection))
    assert status == 413


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01 hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"G" * 99_999]
)
def test_what_is_no_http(strict, sent):
    with connect(strict) as connection:
        connection.sendall(sent)
        assert b"400 Bad Request" in rest(connection)[:30]
    assert strict.client.get("/healthz").status_code == 200


def test_a_client_that_does_not_read(strict):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", strict.port))
        asked = b"GET /page.js HTTP/1.1\r\nhost: localhost\r\n\r\n"
        connection.settimeout(10)
        with pytest.raises(OSError):  # reset, or broken pipe
            for _ in range(200_000):
                connection.sendall(asked)


def test_a_client_that_does_not_read_and_asks_for_more(strict):
    """What it asks for next does not stop the clock of what it has not read."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", strict.port))
        connection.settimeout(5)
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() < began + 10:
                connection.sendall(b"GET /page.js HTTP/1.1\r\nhost: localhost\r\n\r\n" * 20)
                time.sleep(0.05)
        assert time.monotonic() < began + 8


def stopped_decoder(server):
    """The only busy one, which will do nothing until it is told to go on."""
    one = server._answering.decoders._free.queue[-1]
    os.kill(one._process.pid, signal.SIGSTOP)
    return one._process.pid


def test_no_more_requests_than_it_can_do(strict, picture):
    assert strict.client.post("/predict", content=picture).status_code == 200
    stopped_decoder(strict)
    with connect(strict) as busy:
        busy.sendall(post(picture))
        while count(strict, "requests_in_progress") < 1:
            time.sleep(0.01)
        answer = strict.client.post("/predict", content=picture)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["fix"]
        assert strict.client.get("/healthz").status_code == 200  # questions are still answered
        status, row = told(_one_answer(busy))
        assert (status, row["predictions"][0]["reason"][:8]) == (422, "too_slow")
    assert strict.client.post("/predict", content=picture).status_code == 200

    # More connections than there may be.
    many = [connect(strict) for _ in range(STRICT.connections)]
    status, _ = told(rest(many[-1]))
    assert status == 503
    for one in many:
        one.close()

    # More bytes than there may be at once.
    one, other = connect(strict), connect(strict)
    one.sendall(post(bytes(190_000), length=199_999))
    _until(lambda: count(strict, "bytes_held") >= 190_000)
    other.sendall(post(bytes(190_000)))
    assert told(_one_answer(other))[0] == 503
    one.close(), other.close()


def _one_answer(connection):
    found = b""
    while b"\r\n\r\n" not in found:
        found += connection.recv(65536)
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def renamed(folder, target, names):
    """The same classifier with other names of its classes, put in place in one step."""
    with folder_written_whole(target) as new:
        for file in folder.iterdir():
            if file.name != bundle_files.RECORD:
                shutil.copy(file, new / file.name)
        record = bundle_files.read_record(folder)
        bundle_files.write_record(new, dataclasses.replace(record, class_names=names))


def test_another_bundle_without_a_lost_request(strict, bundle, own, picture):
    seen, going = [], True

    def ask():
        while going:
            answer = strict.client.post("/predict", content=picture)
            seen.append(answer.json()[0]["label"] if answer.status_code == 200 else answer.text)

    thread = threading.Thread(target=ask)
    thread.start()
    renamed(bundle, own, ("spots", "lines"))
    _until(lambda: "spots" in seen)
    going = False
    thread.join()
    assert set(seen) == {"blobs", "spots"}
    # Said after the first answers by it.
    _until(lambda: any("reloaded" in line for line in strict.said))

    (own / bundle_files.GRAPH).write_bytes(b"broken")
    _until(lambda: any("refused" in line for line in strict.said))
    (row,) = strict.client.post("/predict", content=picture).json()
    assert row["label"] == "spots"
    (line,) = (line for line in strict.said if "refused" in line)
    assert "damaged" in line and "\nfix: " in line


def test_whatever_is_wrong_with_another_bundle_the_old_one_goes_on(strict, picture, monkeypatch):
    def fails():
        raise PermissionError("not yours")

    monkeypatch.setattr(strict.current, "reload", fails)
    strict._doors.reload_asked = True
    _until(lambda: any("not yours" in line for line in strict.said))
    assert strict.client.post("/predict", content=picture).status_code == 200


def _until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_address_that_is_taken_or_not_ours(server):
    with pytest.raises(StoreError, match=f"cannot listen on 127.0.0.1 port {server.port}"):
        _listening("127.0.0.1", server.port, 1)
    with pytest.raises(StoreError, match=r"listen on 203\.0\.113\.1"):
        _listening("203.0.113.1", 0, 1)


def test_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="holds no saved classifier"):
        Server(tmp_path, Settings(port=0))


def test_what_was_begun_is_finished(strict, picture):
    """The last test of this server."""
    assert strict.client.post("/predict", content=picture).status_code == 200
    stopped = stopped_decoder(strict)
    with connect(strict) as connection:
        connection.sendall(post(picture))
        _until(lambda: count(strict, "requests_in_progress") == 1)
        strict.stop()
        time.sleep(0.3)
        with pytest.raises(OSError):
            connect(strict)  # nobody new is let in
        os.kill(stopped, signal.SIGCONT)
        status, rows = told(_one_answer(connection))
        assert (status, rows[0]["label"]) == (200, "spots")
        assert rest(connection) == b""
    strict.thread.join(20)
    assert not strict.thread.is_alive()
