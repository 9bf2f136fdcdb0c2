"""Answers are those of `predict`, whatever the pictures come from, and files of them are plain."""

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headstart as hs
from headstart.bulk.answers import Answer, Counts, answers, schema, write
from headstart.bulk.sources import references
from headstart.model.prediction import Prediction


@pytest.fixture(scope="module")
def classifier(bundle):
    return hs.load(bundle)


@pytest.fixture
def must_be_predicted(classifier, expected, tmp_path):
    def check(source, name):
        found = [one.prediction for one in answers(classifier, references([source]), tmp_path)]
        assert [name(one.path) for one in found] == list(expected)
        for one, other in zip(found, expected.values(), strict=True):
            assert vars(one) | {"path": ""} == vars(other) | {"path": ""}

    return check


def test_from_a_web_server(must_be_predicted, expected, pictures, web, tmp_path):
    address, asked = web
    urls = [path.replace(str(pictures), address) for path in expected]
    (tmp_path / "list.txt").write_text("\n".join(urls))
    must_be_predicted(tmp_path / "list.txt", lambda path: path.replace(address, str(pictures)))
    assert len(asked) == len(expected)


def test_from_a_store(must_be_predicted, expected, pictures):
    store = fsspec.filesystem("memory")
    for path in expected:
        with open(path, "rb") as file:
            store.pipe(path.replace(str(pictures), "/box"), file.read())
    must_be_predicted("memory://box", lambda path: path.replace("memory:///box", str(pictures)))
    store.rm("/box", recursive=True)


def test_from_a_table_of_bytes(must_be_predicted, expected, tmp_path):
    def content(path):
        with open(path, "rb") as file:
            return file.read()

    table = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"picture": [content(path) for path in expected]}), table)
    paths = list(expected)
    must_be_predicted(table, lambda name: paths[int(name.removeprefix(f"{table}#"))])


def test_counts():
    counts, more = Counts(), Counts()
    for label, reason in (("a", None), ("a", "ambiguous"), (None, "corrupt: PNG: x")):
        counts.add(label, reason)
    more.add("b\udce9", None)
    more.update(counts)
    assert more.to_json() == {
        "rows": 4,
        "unusable": 1,
        "labels": {"a": 2, r"b\udce9": 1},
        "reasons": {"ambiguous": 1, "corrupt": 1},
    }


def test_a_file_holds_what_was_answered(tmp_path, monkeypatch):
    monkeypatch.setattr("headstart.bulk.answers._ROWS_A_STEP", 2)
    monkeypatch.setattr("headstart.bulk.answers._STEPS_A_GROUP", 2)
    ranking = (("cat \udce9", 0.75), ("dog", 0.25))
    one = Prediction("a\udce9.png", "cat \udce9", 0.75, ranking, False, None, ("dog",))
    path = tmp_path / "rows.parquet"
    write(path, [Answer(one, 0.5)] * 9, schema(True, {"plan": "x"}), top=1)
    file = pq.ParquetFile(path)
    assert file.metadata.num_row_groups == 3
    assert file.schema_arrow.metadata[b"headstart"] == b'{"plan": "x"}'
    assert file.read().to_pylist() == 9 * [
        {
            "path": r"a\udce9.png",
            "label": r"cat \udce9",
            "probability": 0.75,
            "ranking": [{"label": r"cat \udce9", "probability": 0.75}],
            "unsure": False,
            "reason": None,
            "distance": 0.5,
            "set": ["dog"],
        }
    ]
