"""What a file is, by its first bytes: its name is not evidence."""

from __future__ import annotations

SNIFFED = 4096  # bytes from the start of a file that decide

# Formats that `decode` reads ("HEIF" only with the extra).
READ = frozenset({"JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"})

# Pictures of formats that are not read.
NOT_READ = frozenset(
    {
        "camera raw",
        "DDS",
        "DICOM",
        "DjVu",
        "EPS",
        "FITS",
        "GIMP XCF",
        "ICNS",
        "ICO",
        "JPEG 2000",
        "JPEG XL",
        "MNG",
        "Netpbm (PPM, PGM, PBM)",
        "OpenEXR",
        "PSD",
        "QOI",
        "Radiance HDR",
        "Windows metafile",
    }
)

# (offset, bytes there, what it is), the first that fits; the longer of two that both fit first.
_SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (8, b"CR\x02", "camera raw"),
    (0, b"FUJIFILMCCD-RAW", "camera raw"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"8BPS", "PSD"),
    (0, b"%!PS", "EPS"),
    (0, b"\xc5\xd0\xd3\xc6", "EPS"),
    (4, b"jP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (4, b"JXL \r\n\x87\n", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"icns", "ICNS"),
    (0, b"gimp xcf", "GIMP XCF"),
    (0, b"v/1\1", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"DDS ", "DDS"),
    (0, b"qoif", "QOI"),
    (0, b"\x8aMNG", "MNG"),
    (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"\xd7\xcd\xc6\x9a", "Windows metafile"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"PK\3\4", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska)"),
    (0, b"\0\0\1\xba", "a video (MPEG)"),
    (0, b"FLV\1", "a video (Flash)"),
    (0, b"ID3", "a sound file (MP3)"),
    (0, b"OggS", "a sound file (Ogg)"),
    (0, b"fLaC", "a sound file (FLAC)"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"SQLite format 3", "an SQLite database"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF\r\n", "an HDF5 file"),
    (0, b"PAR1", "a Parquet table"),
    (0, b"\0\5\x16\7", "macOS metadata (AppleDouble)"),
    (0, b"version https://git-lfs", "a Git LFS pointer: `git lfs pull` fetches the file itself"),
)

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def sniff(start: bytes) -> str:
    """What a file looks like.

    Args:
        start: Its first ``SNIFFED`` bytes, at least one.

    Returns:
        A name of ``READ`` or ``NOT_READ``, else words such as ``"an HTML page"``.
    """
    for offset, signature, name in _SIGNATURES:
        if start.startswith(signature, offset):
            return name
    if start.startswith(b"BM") and start[15:18] == b"\0\0\0":  # not a text on BMWs
        return "BMP"
    if start.startswith(b"RIFF"):
        return _riff(start)
    if start[4:8] == b"ftyp":
        return _boxes(start)
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return "Netpbm (PPM, PGM, PBM)"
    return _text(start) or ("nothing but zeros" if not any(start) else "unknown bytes")


def _riff(start: bytes) -> str:
    names = {b"WEBP": "WEBP", b"AVI ": "a video (AVI)", b"WAVE": "a sound file (WAV)"}
    return names.get(start[8:12], "a RIFF file")


def _boxes(start: bytes) -> str:
    """AVIF, HEIF, MP4 and others share one container: its list of brands tells them apart."""
    listed = start[: int.from_bytes(start[:4], "big")]
    brands = [listed[8:12], *(listed[at : at + 4] for at in range(16, len(listed), 4))]
    if brands[0] == b"crx ":
        return "camera raw"
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    if _HEIF_BRANDS.intersection(brands):
        return "HEIF"
    return "a video (MP4 or QuickTime)"


def _text(start: bytes) -> str | None:
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8")
    text = start.decode(encoding, "replace")
    # A few strange bytes are another encoding's accents, or a character cut at the end.
    if text.count("\ufffd") > len(text) // 10 or not all(map(_is_written, text)):
        return None
    text = text.strip()
    if "<svg" in text.lower():
        return "an SVG drawing"
    if "<html" in text.lower() or "<!doctype html" in text.lower():
        return "an HTML page"
    return "an XML document" if text.startswith("<?xml") else f"plain text: {text[:40]!r}"


def _is_written(letter: str) -> bool:
    return letter.isprintable() or letter.isspace()
