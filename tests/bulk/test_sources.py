"""What is named becomes single pictures, in an order that stays the same."""

import io
import itertools
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headstart.bulk.sources import Reference, contents, references
from headstart.datasets.walking import walk
from headstart.errors import DatasetError, SettingError, UnusableImage

PNG = b"\x89PNG\r\n\x1a\n"


def names(*sources, **options):
    return [one.name for one in references(sources, **options)]


def test_a_folder_as_it_is_walked(pictures, tmp_path):
    for name in ("b/2.png", "b/a/1.png", "c.jpg", "a.JPG", ".h/1.png", "x.headstart/1.png", "d.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    assert names(tmp_path) == [
        os.path.join(tmp_path, name) for name in walk(tmp_path).folder.pictures()
    ]
    assert len(names(tmp_path)) == 4
    assert names(f"{tmp_path}/*.jpg", pictures)[0] == f"{tmp_path}/c.jpg"


def test_a_linked_folder_is_not_entered_and_not_silent(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.jpg").touch()
    (tmp_path / "in" / "more").symlink_to(tmp_path, target_is_directory=True)
    assert names(tmp_path / "in") == [str(tmp_path / "in" / "1.jpg"), str(tmp_path / "in" / "more")]


def test_folders_are_listed_one_by_one(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").touch()
    opened = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: opened.append(folder) or scan(folder))
    first = next(references([tmp_path]))
    assert first.path == f"{tmp_path}/a/1.png"
    assert opened == [str(tmp_path), f"{tmp_path}/a"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_lists(tmp_path, end, monkeypatch):
    monkeypatch.setattr("headstart.bulk.sources._BLOCK", 16)
    listed = [b"a.png", b"caf\xe9 and a long name.png", b"[x]*.png", b"memory://b/c.png"]
    (tmp_path / "list.txt").write_bytes(end.join([*listed, b"", b" ", b""]))
    assert [os.fsencode(name) for name in names(tmp_path / "list.txt")] == listed
    assert [os.fsencode(name) for name in names(io.BytesIO(end.join(listed)))] == listed


def test_a_table_of_paths(tmp_path):
    table = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"file": ["a.png", None, "b.jpg"], "note": ["x", "y", "z"]}), table)
    assert list(references([table])) == [
        Reference("a.png"),
        Reference(str(table), 1, "file"),
        Reference("b.jpg"),
    ]
    assert names(table, image_column="note")[0] == "x"


@pytest.mark.parametrize("nested", [False, True])
def test_a_table_of_pictures(tmp_path, nested):
    table = tmp_path / "rows.parquet"
    data = [PNG + bytes([number]) for number in range(50)]
    data[7] = None
    cells = [{"bytes": one, "path": "a.png"} for one in data] if nested else data
    pq.write_table(pa.table({"label": ["x.png"] * 50, "image": cells}), table, row_group_size=20)
    found = list(references([table]))
    assert found == [Reference(str(table), row, "image") for row in range(50)]
    assert found[3].name == f"{table}#3"
    for some in (found, found[3:4], found[19:21], [*found[5:9], *found[40:]]):
        read = list(contents(some, Path("/")))
        wanted = [data[one.row] for one in some]
        assert [None if isinstance(one, UnusableImage) else one for one in read] == wanted
        assert all(one.reason == "empty" for one in read if isinstance(one, UnusableImage))


def test_where_contents_are(tmp_path):
    named = [Reference("a.png"), Reference("/b.png"), Reference("memory://c.png")]
    assert list(contents(named, tmp_path)) == [tmp_path / "a.png", Path("/b.png"), named[2].path]


def test_a_table_that_is_damaged_later_gives_reasons(tmp_path):
    table = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"image": [PNG + b"1", PNG + b"2"]}), table)
    found = list(references([table]))
    table.write_bytes(b"nothing")
    assert [one.reason for one in contents(found, tmp_path)] == ["unreadable"] * 2


def test_a_table_that_is_shorter_later_gives_reasons(tmp_path):
    table = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"image": [PNG + b"1", PNG + b"2", PNG + b"3"]}), table)
    found = list(references([table]))
    pq.write_table(pa.table({"image": [PNG + b"1"]}), table)
    first, *others = contents(found, tmp_path)
    assert first == PNG + b"1"
    assert ["fewer rows" in one.detail for one in others] == [True, True]


def test_a_table_is_read_as_it_is_asked_for(tmp_path):
    """Neither its pictures nor their names are ever in memory all at once."""
    table = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"image": [PNG + bytes([n]) for n in range(50)]}), table)
    asked = []

    def named():
        for one in references([table]):
            asked.append(one.row)
            yield one

    read = contents(named(), tmp_path)
    assert next(read) == PNG + b"\0"
    assert max(asked) < 5


@pytest.mark.parametrize(
    ("columns", "wanted", "complaint"),
    [
        ({"a": [1, 2]}, None, "no column of pictures"),
        ({"a": ["x.png"], "b": ["y.png"]}, None, "several columns of pictures in .*: a, b"),
        ({"a": ["x.png"]}, "c", "no column 'c'"),
    ],
)
def test_columns_that_cannot_be_told(tmp_path, columns, wanted, complaint):
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    with pytest.raises(SettingError, match=complaint) as error:
        names(tmp_path / "rows.parquet", image_column=wanted)
    assert error.value.fix == "--image-column a"


def test_tables_and_lists_that_cannot_be_read(tmp_path):
    (tmp_path / "rows.parquet").write_text("no table")
    for name in ("rows.parquet", "none.parquet", "none.txt"):
        with pytest.raises(DatasetError, match=f"{name} cannot be read"):
            names(tmp_path / name)
    with pytest.raises(SettingError, match="web server"):
        names("http://127.0.0.1:1/rows.parquet")
    with pytest.raises(SettingError, match="no file fits"):
        names(tmp_path / "*.png")


def test_a_list_without_end_is_read_as_it_is_asked_for():
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            return b"a.png\n" * (size // 6)

    assert len(list(itertools.islice(references([Endless()]), 10))) == 10
