from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from headstart.backbones.backbone import Backbone, Tap
from headstart.backbones.reading import FileFacts
from headstart.datasets.facts import Facts
from headstart.errors import StoreError
from headstart.features.on_disk import OnDisk
from headstart.features.store import FeatureStore, Row
from headstart.images.preprocessing import Preprocessing


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    return Backbone(
        name="test",
        architecture="test",
        weights="none",
        pretrained=False,
        licence="none",
        preprocessing=Preprocessing(8, 8, mean=(0, 0, 0), std=(1, 1, 1)),
        taps=(Tap("stage1", 3), Tap("head", 5)),
        fingerprint="f" * 64,
        graph=tmp_path / "graph.onnx",
    )


def row(number: int) -> Row:
    random = np.random.default_rng(number)
    outputs = {
        "stage1": random.normal(size=3).astype(np.float32),
        "head": random.normal(size=5).astype(np.float32),
    }
    flags = frozenset([(), ("gray",), ("gray", "multi_frame")][number % 3])
    name = "JPEG" if number % 2 else "PNG"
    facts = FileFacts(number, 2, name, "RGB", flags, 2**64 - 1 - number, bytes([number]) * 256, 9)
    return number.to_bytes(32, "big"), outputs, facts


def fact_at(facts: Facts, place: int) -> FileFacts:
    return FileFacts(
        width=facts.widths[place],
        height=facts.heights[place],
        format=facts.formats[place],
        mode=facts.modes[place],
        flags=facts.flags[place],
        hash=facts.hashes[place],
        thumbnail=facts.thumbnails[place].tobytes(),
        quality=facts.qualities[place],
    )


def test_reads_back_what_was_written_in_any_order(tmp_path: Path, backbone: Backbone) -> None:
    store = FeatureStore(tmp_path, backbone)
    rows = [row(number) for number in range(7)]
    store.add(rows[:4])
    store.add(rows[4:])
    again = FeatureStore(tmp_path, backbone)
    order = [6, 0, 3, 3, 5]
    taps, facts = again.load([rows[number][0] for number in order])
    for place, number in enumerate(order):
        np.testing.assert_array_equal(taps["stage1"][place], rows[number][1]["stage1"])
        np.testing.assert_array_equal(taps["head"][place], rows[number][1]["head"])
        assert fact_at(facts, place) == rows[number][2]
        assert facts.digests[place] == rows[number][0]


def test_what_is_there_is_not_written_again(tmp_path: Path, backbone: Backbone) -> None:
    store = FeatureStore(tmp_path, backbone)
    store.add([row(1), row(1), row(2)])
    store.add([row(2)])
    shards = list(store.folder.glob("part-*.parquet"))
    assert len(shards) == 1
    assert pq.read_table(shards[0]).num_rows == 2


def test_two_writers_at_once(tmp_path: Path, backbone: Backbone) -> None:
    first, second = FeatureStore(tmp_path, backbone), FeatureStore(tmp_path, backbone)
    first.add([row(1), row(2)])
    second.add([row(2), row(3)])
    both = FeatureStore(tmp_path, backbone)
    assert all(row(number)[0] in both for number in (1, 2, 3))
    taps, _ = both.load([row(2)[0]])
    np.testing.assert_array_equal(taps["head"][0], row(2)[1]["head"])


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_shard_is_put_aside_and_said(
    tmp_path: Path, backbone: Backbone, damage: str
) -> None:
    store = FeatureStore(tmp_path, backbone)
    store.add([row(1)])
    store.add([row(2)])
    shard = sorted(store.folder.glob("part-*.parquet"))[0]
    content = bytearray(shard.read_bytes())
    if damage == "flipped":
        content[8] ^= 255
    shard.write_bytes({"truncated": content[:-20], "flipped": content, "empty": b""}[damage])
    again = FeatureStore(tmp_path, backbone)
    assert again.damaged == [shard.name]
    assert sum(row(number)[0] in again for number in (1, 2)) == 1
    assert not shard.exists()


def test_damage_in_the_features_is_found_when_they_are_read(
    tmp_path: Path, backbone: Backbone
) -> None:
    FeatureStore(tmp_path, backbone).add([row(number) for number in range(50)])
    store = FeatureStore(tmp_path, backbone)
    shard = next(store.folder.glob("part-*.parquet"))
    column = pq.ParquetFile(shard).metadata.row_group(0).column(10)
    assert column.path_in_schema.startswith("tap.head")
    content = bytearray(shard.read_bytes())
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    shard.write_bytes(content)
    taps, _ = store.load([row(1)[0]])
    with pytest.raises(StoreError, match="run the same command again"):
        taps["head"]
    assert row(1)[0] not in FeatureStore(tmp_path, backbone)


def test_an_interrupted_write_leaves_nothing_that_is_read(
    tmp_path: Path, backbone: Backbone
) -> None:
    store = FeatureStore(tmp_path, backbone)
    (store.folder / ".headstart-tmp-0-part-x.parquet").write_bytes(b"PAR1half")
    assert FeatureStore(tmp_path, backbone).damaged == []


def test_other_weights_have_a_store_of_their_own(tmp_path: Path, backbone: Backbone) -> None:
    import dataclasses

    FeatureStore(tmp_path, backbone).add([row(1)])
    other = FeatureStore(tmp_path, dataclasses.replace(backbone, fingerprint="0" * 64))
    assert row(1)[0] not in other


def test_what_pandas_makes_of_a_shard_is_what_was_given(tmp_path: Path, backbone: Backbone) -> None:
    """Any Parquet reader opens it; here by way of Arrow's own conversion."""
    store = FeatureStore(tmp_path, backbone)
    rows = [row(number) for number in range(5)]
    store.add(rows)
    (shard,) = store.folder.glob("part-*.parquet")
    for record, (digest, outputs, facts) in zip(
        pq.read_table(shard).to_pylist(), rows, strict=True
    ):
        assert record.pop("digest") == digest
        for tap in backbone.tap_names:
            np.testing.assert_array_equal(np.float32(record.pop(f"tap.{tap}")), outputs[tap])
        assert record == {**vars(facts), "flags": sorted(facts.flags)}


def test_tells_what_was_there_before(tmp_path: Path, backbone: Backbone) -> None:
    FeatureStore(tmp_path, backbone).add([row(1)])
    store = FeatureStore(tmp_path, backbone)
    store.add([row(1), row(2)])
    assert [store.had(row(number)[0]) for number in (1, 2, 3)] == [True, False, False]
    assert len(store) == 2


def test_many_features_wait_on_the_disk(
    tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeatureStore(tmp_path, backbone)
    rows = [row(number) for number in range(7)]
    store.add(rows)
    digests = [digest for digest, _, _ in reversed(rows)]
    held, _ = store.load(digests)
    assert isinstance(held["head"], np.ndarray)
    monkeypatch.setattr("headstart.features.store._MOST_IN_MEMORY", 55)
    waiting, _ = store.load(digests)
    assert isinstance(waiting["head"], OnDisk)
    np.testing.assert_array_equal(waiting["head"][:], held["head"])


def test_features_are_held_in_memory_where_the_disk_has_no_room(
    tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> OnDisk:
        raise OSError("No space left on device")

    store = FeatureStore(tmp_path, backbone)
    store.add([row(3)])
    monkeypatch.setattr("headstart.features.store._MOST_IN_MEMORY", 0)
    monkeypatch.setattr("headstart.features.on_disk.OnDisk", full)
    taps, _ = store.load([row(3)[0]])
    np.testing.assert_array_equal(taps["head"][:], [row(3)[1]["head"]])
