import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headstart import files
from headstart.errors import StoreError, WeightsError


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    files.write_text(tmp_path / "deep" / "a.txt", "one")
    assert (tmp_path / "deep" / "a.txt").read_text() == "one"
    assert os.listdir(tmp_path / "deep") == ["a.txt"]


def test_pictures_are_known_by_blake3(tmp_path: Path) -> None:
    # From the test vectors of the BLAKE3 team: nothing, and the bytes 0 to 250 over and over.
    known = {
        0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    }
    for size, digest in known.items():
        data = bytes(number % 251 for number in range(size))
        (tmp_path / "file").write_bytes(data)
        assert files.content_digest(data).hex() == digest
        assert files.content_digest_file(tmp_path / "file") == digest


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), files.written_whole(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_takes_the_place_of_another_in_one_step(tmp_path: Path) -> None:
    place = tmp_path / "bundle"
    for content in ("first", "second"):
        with files.folder_written_whole(place) as folder:
            (folder / "part").write_text(content)
    assert (place / "part").read_text() == "second"
    assert os.listdir(tmp_path) == ["bundle"]


def test_many_writers_at_once_and_one_whole_folder_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "bundle"
    together = threading.Barrier(6)
    monkeypatch.setattr(files, "_sync", lambda path: None)  # nothing between them and the rename

    def write(number: int) -> None:
        with files.folder_written_whole(place) as folder:
            (folder / "first").write_text(str(number))
            (folder / "second").write_text(str(number))
            together.wait()

    for _ in range(60):
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write, range(6)))
        assert (place / "first").read_text() == (place / "second").read_text()
        assert os.listdir(tmp_path) == ["bundle"]
        shutil.rmtree(place)


def test_without_an_atomic_exchange_the_folder_is_replaced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    place = tmp_path / "bundle"
    for content in ("first", "second"):
        with files.folder_written_whole(place) as folder:
            (folder / "part").write_text(content)
    assert (place / "part").read_text() == "second"
    assert os.listdir(tmp_path) == ["bundle"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "bundle"
    with files.folder_written_whole(place) as folder:
        (folder / "part").write_text("old")
    with pytest.raises(RuntimeError), files.folder_written_whole(place) as folder:
        (folder / "part").write_text("half")
        raise RuntimeError
    assert (place / "part").read_text() == "old"
    assert os.listdir(tmp_path) == ["bundle"]


def test_a_full_disk_is_said_in_our_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No space left"), files.written_whole(tmp_path / "a"):
        raise OSError(28, "No space left on device")


def test_our_own_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(WeightsError), files.folder_written_whole(tmp_path / "a"):
        raise WeightsError("missing")


def test_a_folder_that_is_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="could not write"):
        files.must_be_writable(tmp_path / "file" / "below")


def test_asking_whether_a_folder_can_be_written_makes_none(tmp_path: Path) -> None:
    files.must_be_writable(tmp_path / "deep" / "folder")
    assert os.listdir(tmp_path) == []


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    longest = tmp_path / ("n" * 255)
    files.write_text(longest, "text")
    assert longest.read_text() == "text"


def test_only_old_leftovers_are_swept(tmp_path: Path) -> None:
    old, new = tmp_path / ".headstart-tmp-old", tmp_path / ".headstart-tmp-new"
    old.mkdir()
    new.touch()
    (tmp_path / "mine").touch()
    os.utime(old, (0, 0))
    files.sweep(tmp_path, older_than=time.time() - 1000)
    assert sorted(os.listdir(tmp_path)) == [".headstart-tmp-new", "mine"]


def test_a_folder_in_which_something_is_still_written_is_not_swept(tmp_path: Path) -> None:
    copied = tmp_path / ".headstart-tmp-1" / "train" / "cats"
    copied.mkdir(parents=True)
    (copied / "1.jpg").touch()
    for folder in (copied, *copied.parents[:2]):
        os.utime(folder, (0, 0))
    files.sweep(tmp_path, older_than=time.time() - 1000)
    assert (copied / "1.jpg").exists()
    os.utime(copied / "1.jpg", (0, 0))
    files.sweep(tmp_path, older_than=time.time() - 1000)
    assert not copied.exists()
