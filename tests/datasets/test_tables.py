import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from headstart.datasets.tables import read_table
from headstart.errors import DatasetError

ROWS = (("a b.jpg", "cat"), ("c,d.jpg", "dog"))


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", 'a b.jpg,cat\n"c,d.jpg",dog\n'),
        ("t.csv", '\n\r\na b.jpg,cat\r\n"c,d.jpg",dog'),
        ("t.csv", 'a b.jpg, cat\n"c,d.jpg", dog\n'),
        ("t.csv", "a b.jpg;cat\nc,d.jpg;dog\n"),
        ("t.txt", "a b.jpg|cat\nc,d.jpg|dog\n"),
        ("t.tsv", "a b.jpg\tcat\nc,d.jpg\tdog\n"),
        ("t.csv", b'\xef\xbb\xbfa b.jpg,cat\n"c,d.jpg",dog\n'),
        ("t.csv", "a b.jpg\tcat\nc,d.jpg\tdog\n".encode("utf-16")),
        ("t.csv", 'a b.jpg,cat,\n"c,d.jpg",dog\n,,\n'),
    ],
)
def test_dialects(tmp_path: Path, name: str, text: str | bytes) -> None:
    table = read_table(written(tmp_path / name, text))
    assert [row[:2] for row in table.rows] == list(ROWS)
    assert table.header == ()


def test_white_space_where_nothing_else_fits(tmp_path: Path) -> None:
    table = read_table(
        written(tmp_path / "t.txt", "images/1.png  0.33 mono\nimages/2.png\t1 poly\n")
    )
    assert table.rows == (("images/1.png", "0.33", "mono"), ("images/2.png", "1", "poly"))


def test_cells_are_not_trimmed(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "café.jpg, cat\nb.jpg,cat \n"))
    assert (table.rows, table.notes) == ((("café.jpg", " cat"), ("b.jpg", "cat ")), ())


@pytest.mark.parametrize(
    ("name", "text"), [("t.csv", "köter.jpg;Hündin – ß\n"), ("t.jsonl", '{"ö": "Hündin – ß"}')]
)
def test_what_is_not_utf8_is_windows_1252(tmp_path: Path, name: str, text: str) -> None:
    table = read_table(written(tmp_path / name, text.encode("cp1252")))
    assert table.rows[0][-1] == "Hündin – ß"
    assert table.notes == ("not UTF-8: read as Windows-1252",)


def test_stray_bytes_do_not_touch_what_is_utf8(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", b"caf\xe9.jpg," + "Hündin\n".encode()))
    assert table.rows == (("café.jpg", "Hündin"),)


def test_short_rows_are_filled_and_long_rows_refused(tmp_path: Path) -> None:
    assert read_table(written(tmp_path / "t.csv", "a,b\nc\nd,e\n")).rows[1] == ("c", "")
    with pytest.raises(DatasetError, match=r"row 2 of .*t.csv has 3 cells, most rows have 2"):
        read_table(written(tmp_path / "t.csv", "a,b\nc,d,e\nf,g\n"))


def test_json_lines(tmp_path: Path) -> None:
    records = [
        {"file": "a.jpg", "label": 1, "boxes": [1, 2]},
        {"file": "b.jpg", "label": 2.0, "new": True},
        {"file": "c.jpg", "label": None, "new": float("nan")},
    ]
    table = read_table(written(tmp_path / "t.jsonl", "\n".join(map(json.dumps, records)) + "\n"))
    assert table.header == ("file", "label", "new")
    assert table.rows == (("a.jpg", "1", ""), ("b.jpg", "2", "true"), ("c.jpg", "", ""))


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = {
        "file": pa.array(["a.jpg", "b.jpg"]).dictionary_encode(),
        "path": pa.array([b"caf\xe9", b"b"]),
        "label": pa.array([1.0, None]),
        "picture": pa.array([{"bytes": b"x"}, {"bytes": b"y"}]),
    }
    pyarrow.parquet.write_table(pa.table(columns), path)
    table = read_table(path)
    assert table.header == ("file", "path", "label")
    assert table.rows == (("a.jpg", "caf\udce9", "1"), ("b.jpg", "b", ""))


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("t.csv", "", "no rows"),
        ("t.csv", "\n \n", "no rows"),
        ("t.jsonl", '{"a": 1}\n{"a": ', "line 2 is no JSON"),
        ("t.jsonl", "[1]\n", "line 1 is no JSON object"),
        ("t.parquet", "nonsense", "cannot be read"),
        ("t.csv", "a,b\n" + "x" * 200_000 + ",c\n", "field larger"),
    ],
)
def test_broken_tables(tmp_path: Path, name: str, text: str, what: str) -> None:
    with pytest.raises(DatasetError, match=what):
        read_table(written(tmp_path / name, text))
