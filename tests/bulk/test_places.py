"""URLs: listed, read, and refused with a reason."""

import fsspec
import pytest

from headstart.bulk import places
from headstart.errors import DatasetError, MissingExtra, SettingError, UnusableImage


@pytest.fixture
def memory():
    """The store of ``memory://``, empty before and after."""
    store = fsspec.filesystem("memory")
    store.rm("/", recursive=True)
    yield store
    store.rm("/", recursive=True)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("s3://bucket/a.png", True),
        ("memory:///a.png", True),
        ("C:\\pictures\\a.png", False),
        ("/a/b://c.png", False),
        ("a.png", False),
    ],
)
def test_what_is_a_url(name, is_one):
    assert places.is_url(name) == is_one


def test_a_folder_in_a_store_is_searched_through(memory):
    for name in ("b.png", "a.JPG", "deep/c.webp", "deep/.hidden.png", "notes.txt", "plain"):
        memory.pipe(f"/box/{name}", b"x")
    found = list(places.below("memory://box"))
    assert sorted(found) == [
        f"memory:///box/{name}" for name in ("a.JPG", "b.png", "deep/c.webp", "plain")
    ]
    assert list(places.below(found[0])) == [found[0]]


def test_bytes_and_what_is_not_there(memory):
    memory.pipe("/a.png", b"content")
    assert places.read("memory://a.png") == b"content"
    with pytest.raises(UnusableImage) as failure:
        places.read("memory://none.png")
    assert failure.value.reason == "vanished"


def test_a_file_url(tmp_path):
    (tmp_path / "a.png").write_bytes(b"content")
    assert places.read(f"file://{tmp_path}/a.png") == b"content"


def test_a_web_server_that_fails_is_asked_again(web, monkeypatch, pictures):
    monkeypatch.setattr(places, "_PAUSES", (0, 0))
    address, asked = web
    name = "blobs/blobs_700.png"
    assert places.read(f"{address}/broken/{name}") == (pictures / name).read_bytes()
    assert asked == [f"/broken/{name}"] * 2
    with pytest.raises(UnusableImage) as failure:
        places.read(f"{address}/none.png")
    assert failure.value.reason == "vanished"
    assert len(asked) == 3
    with pytest.raises(UnusableImage) as failure:
        places.read("http://127.0.0.1:1/none.png")
    assert failure.value.reason == "unreadable"


@pytest.mark.parametrize(("scheme", "library"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_a_missing_library_is_named(scheme, library, monkeypatch):
    def missing(name):
        raise ImportError(f"Install {library} to access it")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    places._scheme_must_be_known.cache_clear()
    with pytest.raises(MissingExtra, match=f"{library} is not installed") as error:
        places.must_be_readable(f"{scheme}://bucket/a.png")
    assert error.value.fix == f"pip install {library}"


def test_an_unknown_kind_is_refused():
    with pytest.raises(SettingError, match="ftps5://"):
        places.must_be_readable("ftps5://host/a.png")


def test_what_cannot_be_opened(tmp_path):
    for place in (str(tmp_path / "none.txt"), "memory://none.txt", "http://127.0.0.1:1/a.txt"):
        with pytest.raises(DatasetError, match="cannot be read"):
            places.opened(place)
