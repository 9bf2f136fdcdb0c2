"""The Spark function of the docs, called as Spark calls it: frames in, frames out."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "bulk.md"


def test_the_function_of_the_docs(bundle, pictures, expected):
    pandas = pytest.importorskip("pandas")
    (source,) = (
        text
        for text in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
        if "mapInPandas" in text
    )
    names: dict = {}
    exec(source.replace("/shared/pets.headstart", str(bundle)), names)
    paths = list(expected)
    frames = [
        pandas.DataFrame(
            {"path": some, "content": [bytearray(Path(path).read_bytes()) for path in some]}
        )
        for some in (paths[:7], paths[7:])
    ]
    found = pandas.concat(names["predict_frames"](iter(frames)))
    schema = re.search(r'schema = "(.*)"', source)[1]
    assert list(found.columns) == [part.split()[0] for part in schema.split(", ")]
    assert list(found.path) == paths
    for row, one in zip(found.itertuples(), expected.values(), strict=True):
        assert (row.label if isinstance(row.label, str) else None) == one.label
        assert row.unsure == one.unsure
        if one.label is not None:
            assert row.probability == one.probability
