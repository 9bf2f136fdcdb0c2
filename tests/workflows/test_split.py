"""Train and test folders from any layout: complete, apart, and the source as it was."""

import errno
import shutil
import unicodedata
from pathlib import Path

import pytest

from headstart.datasets.reading import read
from headstart.errors import DatasetError, SettingError, StoreError
from headstart.workflows import split as splitting
from headstart.workflows.recipe import Recipe
from headstart.workflows.split import WAYS, run_split


@pytest.fixture(scope="module")
def flat(tmp_path_factory, draw):
    """Files as Kaggle names them, a copy of one among them, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("flat") / "flat"
    folder.mkdir()
    for kind, name in (("stripes", "cat"), ("blobs", "dog")):
        for number in range(10):
            draw(kind, number).save(folder / f"{name}.{number}.png")
    shutil.copyfile(folder / "cat.0.png", folder / "cat.99.png")
    (folder / "dog.bad.png").write_bytes(b"no picture")
    return folder


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


@pytest.mark.parametrize("how", ["copy", "hard-link", "symlink"])
def test_every_picture_once_and_the_source_as_it_was(flat, tmp_path, backbone, how):
    before = {path.name: path.read_bytes() for path in flat.iterdir()}
    parted = run_split(flat, tmp_path / "pets", Recipe(test_share=0.3), how)
    assert {path.name: path.read_bytes() for path in flat.iterdir()} == before
    placed = files(tmp_path / "pets")
    assert sorted(name.split("/")[-1] for name in placed) == sorted(set(before) - {"dog.bad.png"})
    assert all(name.split("/")[1] == name.split("/")[2].split(".")[0] for name in placed)
    assert parted.counts == {"cat": {"train": 8, "test": 3}, "dog": {"train": 7, "test": 3}}
    assert [row.path for row in parted.unusable] == ["dog.bad.png"]
    one = tmp_path / "pets" / placed[0]
    source = flat / one.name
    assert one.read_bytes() == before[one.name]
    assert one.is_symlink() == (how == "symlink")
    assert one.samefile(source) == (how != "copy")


def test_copies_stay_together_and_it_is_the_split_of_fit(flat, tmp_path, backbone):
    from headstart.progress import Silent
    from headstart.workflows.dividing import split_of
    from headstart.workflows.preparing import prepare

    run_split(flat, tmp_path / "pets", Recipe(seed=1))
    parts = {name.split("/")[2]: name.split("/")[0] for name in files(tmp_path / "pets")}
    assert parts["cat.0.png"] == parts["cat.99.png"]
    prepared = prepare(flat, Recipe(seed=1), Silent())
    drawn = split_of(prepared, Recipe(seed=1)).splits
    assert parts == dict(zip(prepared.manifest.ids, drawn, strict=True))
    again = read(tmp_path / "pets")
    assert set(again.splits) == {"train", "test"}
    assert again.counts == {"cat": 11, "dog": 10}


def test_names_that_meet_are_told_apart(tmp_path, draw, backbone):
    for part in ("a", "b", "c"):
        for kind in ("stripes", "blobs"):
            (tmp_path / "src" / part / kind).mkdir(parents=True)
            draw(kind, ord(part)).save(tmp_path / "src" / part / kind / "1.png")
    options = Recipe(label_pattern=r"/(stripes|blobs)/", test_share=0.4)
    run_split(tmp_path / "src", tmp_path / "to", options)
    assert len(files(tmp_path / "to")) == 6


@pytest.fixture
def ignores_case(monkeypatch):
    """Folders are made as on a disk that ignores case."""

    def make(place, *arguments, **settings):
        others = {other.name for other in place.parent.glob("*")} - {place.name}
        if place.name.casefold() in {name.casefold() for name in others}:
            raise FileExistsError(17, "File exists", str(place))
        mkdir(place, *arguments, **settings)

    mkdir = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", make)


def test_files_that_differ_in_case_only_are_told_apart(tmp_path, draw, backbone):
    for kind in ("stripes", "blobs"):
        (tmp_path / "src" / kind).mkdir(parents=True)
        for number, name in enumerate(("a.png", "A.png", "A-2.png", "\u00e9.png", "e\u0301.png")):
            draw(kind, number).save(tmp_path / "src" / kind / name)
    run_split(tmp_path / "src", tmp_path / "to", Recipe())
    placed = files(tmp_path / "to")
    spelled = {unicodedata.normalize("NFC", name).casefold() for name in placed}
    assert len(placed) == len(spelled) == 10


def test_classes_that_differ_in_case_only_are_kept_or_refused(tmp_path, draw, backbone, request):
    for kind, name in (("stripes", "a"), ("blobs", "A")):
        (tmp_path / "src" / name).mkdir(parents=True)
        for number in range(3):
            draw(kind, number).save(tmp_path / "src" / name / f"{number}.png")
    run_split(tmp_path / "src", tmp_path / "to", Recipe())
    assert read(tmp_path / "to").counts == {"A": 3, "a": 3}
    request.getfixturevalue("ignores_case")
    with pytest.raises(SettingError, match="'a' and another one have the same folder"):
        run_split(tmp_path / "src", tmp_path / "other", Recipe())
    assert not (tmp_path / "other").exists()


def test_places_that_are_taken_or_among_the_pictures_are_refused(flat, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").touch()
    for to, complaint in (
        (tmp_path / "taken", "is there already"),
        (flat / "pets", "would be written to"),
        (flat.parent, "is there already"),
    ):
        with pytest.raises(SettingError, match=complaint):
            run_split(flat, to, Recipe())
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("how", WAYS)
def test_a_picture_that_vanishes_is_named(flat, tmp_path, backbone, how, monkeypatch):
    def make(*arguments):
        (tmp_path / "src" / "cat.1.png").unlink()
        make_folders(*arguments)

    make_folders = splitting._make_folders
    monkeypatch.setattr(splitting, "_make_folders", make)
    shutil.copytree(flat, tmp_path / "src")
    with pytest.raises(DatasetError, match=r"changed .*cat\.1\.png \(vanished"):
        run_split(tmp_path / "src", tmp_path / "to", Recipe(), how)
    assert not (tmp_path / "to").exists()


def test_a_full_disk_is_the_fault_of_no_picture(flat, tmp_path, backbone, monkeypatch):
    def full(source, place):
        raise OSError(errno.ENOSPC, "No space left on device", str(source))

    monkeypatch.setitem(WAYS, "copy", full)
    with pytest.raises(StoreError, match=r"could not write .*No space left"):
        run_split(flat, tmp_path / "to", Recipe())


def test_a_class_that_cannot_be_a_folder_is_refused(tmp_path, draw, backbone):
    rows = ["file,label"]
    for kind, label in (("stripes", "a/b"), ("blobs", "c")):
        for number in range(3):
            draw(kind, number).save(tmp_path / f"{kind}{number}.png")
            rows.append(f"{kind}{number}.png,{label}")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(rows))
    with pytest.raises(SettingError, match="'a/b' cannot be the name of a folder"):
        run_split(table, tmp_path.parent / f"{tmp_path.name}-to", Recipe())
