import base64
import io

import pytest
from PIL import Image

from headstart.reports.gallery import thumbnail


def opened(address):
    kind, data = address.split(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_picture_is_scaled_to_fit_and_looks_the_same():
    small = opened(thumbnail(Image.new("RGB", (400, 200), (200, 30, 30))))
    assert small.size == (112, 56)
    assert small.getpixel((50, 20)) == pytest.approx((200, 30, 30), abs=4)


@pytest.mark.parametrize("size", [(1, 1), (5000, 1), (30, 20)])
def test_odd_sizes_work_and_small_pictures_are_not_blown_up(size):
    small = opened(thumbnail(Image.new("RGB", size)))
    assert small.width == min(size[0], 112)
    assert small.height == size[1]


def test_the_picture_itself_stays_as_it_is():
    image = Image.new("RGBA", (300, 300))
    thumbnail(image, side=20)
    assert (image.size, image.mode) == ((300, 300), "RGBA")
