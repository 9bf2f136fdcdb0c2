import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from headstart.errors import UnusableImage
from headstart.images.complaints import hear_no_warnings_of, with_reasons
from headstart.unusable import REASONS


@pytest.fixture
def library() -> types.ModuleType:
    """A library that warns as Pillow does: by its own global name `warnings`."""
    module = types.ModuleType("some_library")
    exec("import warnings\ndef read():\n    warnings.warn('odd tag', UserWarning)", vars(module))
    hear_no_warnings_of(module)
    return module


def test_a_warning_is_unheard_inside_and_heard_outside(library: types.ModuleType) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with with_reasons("PNG", b""):
            library.read()
        with pytest.warns(UserWarning, match="odd tag") as heard:
            library.read()
    assert heard[0].filename == "<string>"  # blamed on the library, as without us


def test_another_thread_hears_while_this_one_does_not(library: types.ModuleType) -> None:
    both_inside = Barrier(2, timeout=10)

    def quietly() -> None:
        with with_reasons("PNG", b""):
            both_inside.wait()
            library.read()
            both_inside.wait()

    def loudly() -> None:
        both_inside.wait()
        try:
            library.read()
        finally:
            both_inside.wait()

    with ThreadPoolExecutor(2) as pool, warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet, loud = pool.submit(quietly), pool.submit(loudly)
        assert quiet.exception() is None
        assert isinstance(loud.exception(), UserWarning)


def test_an_error_inside_does_not_leave_the_thread_deaf(library: types.ModuleType) -> None:
    with pytest.raises(UnusableImage), with_reasons("PNG", b""):
        raise KeyError("broken")
    with pytest.warns(UserWarning):
        library.read()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("image file is truncated (3 bytes not processed)"), "truncated"),
        (EOFError("no more images in GIF file"), "truncated"),
        (OSError("broken data stream when reading image file"), "corrupt"),
        (SyntaxError("cannot handle 12-bit layers"), "format_not_supported"),
        (MemoryError(), "too_large"),
        (ZeroDivisionError(), "corrupt"),
    ],
)
def test_an_error_becomes_a_reason(error: Exception, reason: str) -> None:
    with pytest.raises(UnusableImage) as caught, with_reasons("BMP", b"BM"):
        raise error
    assert caught.value.reason == reason
    assert reason in REASONS
    assert caught.value.detail.startswith("BMP: ")
    assert caught.value.__cause__ is error
