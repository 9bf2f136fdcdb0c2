import gzip
import io
import zipfile

import numpy as np
import pytest

from headstart.images.sniffing import NOT_READ, READ, SNIFFED, sniff


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"<!DOCTYPE html>\n<html><head>404</head></html>", "an HTML page"),
        (b"\xef\xbb\xbf\n  <HTML lang='en'>", "an HTML page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
        (b"Not found\n", "plain text: 'Not found'"),
        ("Café fermé aujourd'hui".encode("latin-1"), 'plain text: "Caf\ufffd ferm\ufffd'),
        ("Nicht gefunden".encode("utf-16"), "plain text: 'Nicht gefunden'"),
        (b"BMW and others: a list of cars", "plain text: 'BMW and others: a list of cars'"),
        (b"%PDF-1.7\n", "a PDF document"),
        (_zip(), "a ZIP archive"),
        (gzip.compress(b"a", mtime=0), "a gzip archive"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video (MP4 or QuickTime)"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a video (MP4 or QuickTime)"),
        (b"RIFF\0\0\0\0AVI LIST", "a video (AVI)"),
        (b"\0" * 100, "nothing but zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
        (b"8BPS\0\1\0\0", "PSD"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "EPS"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0" * 128 + b"DICM", "DICOM"),
        (b"II*\0\x10\0\0\0CR\2\0", "camera raw"),
        (b"P6\n2 2\n255\n" + b"\xff" * 12, "Netpbm"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
    ],
)
def test_names_what_a_file_looks_like(start: bytes, name: str) -> None:
    assert sniff(start).startswith(name)


def test_random_bytes_are_nothing_known() -> None:
    generator = np.random.default_rng(0)
    assert {sniff(generator.bytes(SNIFFED)) for _ in range(50)} == {"unknown bytes"}


def test_a_text_cut_in_the_middle_of_a_letter_is_still_text() -> None:
    text = ("日本語" * SNIFFED).encode()
    assert sniff(text[:SNIFFED]).startswith("plain text")


def test_a_name_is_read_or_not_read() -> None:
    assert not READ & NOT_READ
