"""Decoding in child processes: the same pixels, and nothing that a picture does harms anyone."""

import contextlib
import io
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import headstart as hs
from headstart.errors import UnusableImage
from headstart.images.decode import decode
from headstart.serving.decoding import Decoders
from headstart.serving.limits import Limits


@pytest.fixture(scope="module")
def preprocessing(bundle):
    return hs.load(bundle).record.preprocessing


@pytest.fixture(scope="module")
def decoders():
    decoders = Decoders(1, Limits(decode_seconds=1.0))
    yield decoders
    decoders.close()


def child(decoders):
    (one,) = decoders._free.queue
    return one._process


def test_the_same_pixels_as_in_this_process(decoders, preprocessing, pictures, draw, tmp_path):
    draw("stripes", 5, 1200).save(tmp_path / "large.jpg")
    files = [*pictures.values(), (tmp_path / "large.jpg").read_bytes()]
    for data in files:
        here = preprocessing.pixels(decode(data, at_least=preprocessing.at_least))
        np.testing.assert_array_equal(decoders.pixels(data, preprocessing), here)
    assert decoders.started == 1


def test_it_says_why_a_picture_cannot_be_used(decoders, preprocessing):
    with pytest.raises(UnusableImage, match="not_an_image: looks like plain text"):
        decoders.pixels(b"hello", preprocessing)
    with pytest.raises(UnusableImage, match="empty"):
        decoders.pixels(b"", preprocessing)


def test_a_picture_that_takes_for_ever_is_given_up(decoders, preprocessing, pictures):
    data = next(iter(pictures.values()))
    decoders.pixels(data, preprocessing)
    hung = child(decoders)
    os.kill(hung.pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.raises(UnusableImage, match="too_slow: not decoded after 1 seconds"):
        decoders.pixels(data, preprocessing)
    assert time.monotonic() - start < 10
    assert hung.returncode == -signal.SIGKILL
    assert decoders.pixels(data, preprocessing).ndim == 3  # by another


def test_a_picture_that_kills_the_decoder(decoders, preprocessing, pictures):
    data = next(iter(pictures.values()))
    decoders.pixels(data, preprocessing)
    dying = child(decoders)
    os.kill(dying.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(decoders.pixels, data, preprocessing)
        time.sleep(0.1)
        os.kill(dying.pid, signal.SIGKILL)
        with pytest.raises(UnusableImage, match=r"corrupt: the decoder died of it \(-9\)"):
            waiting.result()


def test_one_that_died_idle_takes_no_picture_with_it(decoders, preprocessing, pictures):
    data = next(iter(pictures.values()))
    decoders.pixels(data, preprocessing)
    child(decoders).kill()
    child(decoders).wait()
    assert decoders.pixels(data, preprocessing).ndim == 3


def test_its_memory_has_an_end(preprocessing):
    file = io.BytesIO()
    Image.new("1", (6000, 6000)).save(file, "PNG")  # 6 kB, and 144 MB of RGB
    decoders = Decoders(1, Limits(memory=220 * 2**20))
    with contextlib.closing(decoders), pytest.raises(UnusableImage, match="too_large: PNG: not"):
        decoders.pixels(file.getvalue(), preprocessing)


def test_they_end_with_the_server(preprocessing, pictures):
    decoders = Decoders(1, Limits())
    decoders.pixels(next(iter(pictures.values())), preprocessing)
    process = child(decoders)
    decoders._free.queue[0]._socket.close()  # as when the server is killed
    assert process.wait(10) == 0
    decoders.close()
