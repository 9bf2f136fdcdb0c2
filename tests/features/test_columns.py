import subprocess
import sys

import numpy as np
import pyarrow as pa

from headstart.features import columns

# A shard is written and read; nothing may have imported pandas by the way.
ROUND = """
import sys
import tempfile
from pathlib import Path
import numpy as np
from headstart.backbones.backbone import Backbone, Tap
from headstart.backbones.reading import FileFacts
from headstart.features.store import FeatureStore
from headstart.images.preprocessing import Preprocessing

with tempfile.TemporaryDirectory() as folder:
    taps, place = (Tap("head", 4),), Path(folder)
    preprocessing = Preprocessing(8, 8, mean=(0, 0, 0), std=(1, 1, 1))
    backbone = Backbone("a", "a", "a", True, "a", preprocessing, taps, "f" * 64, place / "graph")
    facts = FileFacts(1, 2, "JPEG", "RGB", frozenset({"gray"}), 3, bytes(256), 90)
    FeatureStore(place, backbone).add([(bytes(32), {"head": np.ones(4, np.float32)}, facts)])
    taps, facts = FeatureStore(place, backbone).load([bytes(32)])
    print(taps["head"].sum(), facts.heights[0], "pandas" in sys.modules)
"""


def test_columns_are_what_arrow_makes_of_the_same_values() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert columns.vectors(values).to_pylist() == values.tolist()
    assert columns.numbers(np.array([0, 2**64 - 1], np.uint64), pa.uint64()).to_pylist() == [
        0,
        2**64 - 1,
    ]
    digests = [bytes(32), bytes(range(32))]
    assert columns.digests(digests).equals(pa.array(digests, pa.binary(32)))


def test_vectors_come_back_from_slices_and_several_chunks() -> None:
    values = np.arange(20, dtype=np.float32).reshape(5, 4)
    whole = columns.vectors(values)
    column = pa.chunked_array([whole.slice(1, 2), whole.slice(3, 2)])
    np.testing.assert_array_equal(columns.to_vectors(column, 4), values[1:])


def test_pandas_is_left_alone() -> None:
    done = subprocess.run([sys.executable, "-c", ROUND], capture_output=True, text=True, check=True)
    assert done.stdout == "4.0 2 False\n"
