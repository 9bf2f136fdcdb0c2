"""A server in a thread, and a real browser to look at its page with."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time

import httpx
import pytest

from headstart.serving import app
from headstart.serving.server import Server, Settings


@contextlib.contextmanager
def running(folder, settings=None, **more):
    """A server on a free port, and a client of it."""
    said = []
    app._SECONDS_BETWEEN_LOOKS = 0.1
    server = Server(folder, settings or Settings(port=0, **more), said.append)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    server.said, server.thread = said, thread
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            for _ in range(500):
                with contextlib.suppress(httpx.TransportError):
                    client.get("/healthz")
                    break
                time.sleep(0.02)
            server.client = client
            yield server
    finally:
        server.stop()
        thread.join(60)  # what was begun may take its whole time to answer
        assert not thread.is_alive()


@pytest.fixture(name="running", scope="session")
def running_as_fixture():
    return running


@pytest.fixture(scope="session")
def server(bundle):
    with running(bundle) as one:
        yield one


@pytest.fixture
def client(server):
    return server.client


@pytest.fixture(scope="session")
def pictures(shapes):
    """Files of both classes: name to bytes."""
    paths = [*sorted((shapes / "blobs").iterdir())[:2], *sorted((shapes / "stripes").iterdir())[:2]]
    return {path.name: path.read_bytes() for path in paths}


class Browser:
    """Chromium without a window, told what to do through a pipe (the DevTools protocol)."""

    def __init__(self, profile):
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()

        def as_three_and_four():
            # Neither number may be closed by the other's move.
            os.dup2(to_read, 103), os.dup2(to_write, 104)
            os.dup2(103, 3), os.dup2(104, 4)

        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command,
            preexec_fn=as_three_and_four,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read), os.close(to_write)
        self._waiting, self._number, self.complaints = b"", 0, []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = None
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Log"):
            self(f"{domain}.enable")

    _session = None

    def __call__(self, method, **parameters):
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._to, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._read()
            if told.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.complaints.append(told["params"])
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]

    def _read(self):
        while b"\0" not in self._waiting:
            got = os.read(self._from, 1 << 16)
            assert got, "the browser has ended"
            self._waiting += got
        one, self._waiting = self._waiting.split(b"\0", 1)
        return json.loads(one)

    def evaluate(self, expression):
        done = self(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait(self, expression, seconds=20):
        end = time.monotonic() + seconds
        while not (found := self.evaluate(expression)):
            assert time.monotonic() < end, self.evaluate("document.body.innerText")
            time.sleep(0.05)
        return found

    def choose(self, selector, paths):
        root = self("DOM.getDocument")["root"]["nodeId"]
        node = self("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._to), os.close(self._from)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium here")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
