"""`headstart serve`, as a process of its own."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest


@pytest.fixture
def started(bundle, tmp_path):
    """The process, the lines it says, and its address."""
    token = tmp_path / "token"
    token.write_text("right\n")
    command = [sys.executable, "-P", "-m", "headstart", "serve", bundle, "--port", "0"]
    process = subprocess.Popen(
        [*command, "--token-file", token, "--threads", "1"], stderr=subprocess.PIPE, text=True
    )
    line = process.stderr.readline()
    address = re.search(r"serving shapes on (http://127\.0\.0\.1:\d+/)", line)
    assert address, line + process.stderr.read()
    yield process, address[1]
    process.kill()
    process.stderr.close()
    process.wait()


@pytest.mark.long
def test_it_serves_reloads_and_ends_well(started, shapes):
    process, address = started
    (picture, *_) = sorted((shapes / "blobs").iterdir())
    with httpx.Client(base_url=address, timeout=30) as client:
        assert client.post("/predict", content=picture.read_bytes()).status_code == 401
        client.headers["authorization"] = "Bearer right"
        answer = client.post("/predict", content=picture.read_bytes()).json()
        assert answer[0]["label"] == "blobs"
        # A signal after another thread has replaced the graph: the second one, too, is heard.
        os.kill(process.pid, signal.SIGHUP)
        assert process.stderr.readline().startswith("reloaded: Classifier(")
        assert client.get("/readyz").status_code == 200
        os.kill(process.pid, signal.SIGTERM)
        assert process.stderr.readline() == "stopped\n"
        assert process.wait(30) == 0


@pytest.mark.parametrize("token", ["", " \n", "two words", "naïve"])
def test_a_token_that_is_none(headstart, bundle, tmp_path, token):
    (tmp_path / "token").write_text(token)
    ran = headstart("serve", bundle, "--token-file", tmp_path / "token")
    assert ran.code == 2
    assert "cannot be sent in a header" in ran.complaint


def test_wrong_calls(headstart, bundle, tmp_path):
    assert "holds no saved classifier" in headstart("serve", tmp_path).complaint
    assert headstart("serve", bundle, "--port", "70000").code == 2


def test_without_the_extra(headstart, bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "starlette", None)
    ran = headstart("serve", bundle)
    assert ran.code == 2
    assert "starlette is not installed" in ran.complaint
    assert "pip install '.[serve]'" in ran.err


def test_a_token_file_that_is_not_there(headstart, bundle, tmp_path):
    ran = headstart("serve", bundle, "--token-file", tmp_path / "none")
    assert ran.code == 2
    assert "none' does not exist" in ran.err
