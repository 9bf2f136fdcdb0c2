import os
from pathlib import Path

import numpy as np
import pytest

from headstart.finetuning.trunk_cache import TrunkCache, key_of, make_room

SHAPE = (3, 2, 4)


def _values(number: int) -> np.ndarray:
    return np.full(SHAPE, number, np.float16)


def test_what_was_added_is_found_by_another(tmp_path: Path) -> None:
    first, other = TrunkCache(tmp_path, SHAPE), bytes(32)
    first.add([(bytes([n] * 32), n, _values(n)) for n in range(3)])
    first.add([(other, 7, _values(7))])
    second = TrunkCache(tmp_path, SHAPE)
    assert np.array_equal(second[other, 7], _values(7))
    assert np.array_equal(second[bytes([2] * 32), 2], _values(2))
    assert (other, 1) not in second
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) == pytest.approx(
        4 * second.row_bytes, abs=600
    )


def test_a_damaged_shard_is_dropped_and_the_others_stay(tmp_path: Path) -> None:
    cache = TrunkCache(tmp_path, SHAPE)
    cache.add([(bytes(32), 0, _values(0))])
    cache.add([(bytes(32), 1, _values(1))])
    shard = sorted(tmp_path.glob("part-*"))[0]
    shard.write_bytes(shard.read_bytes()[:-10])
    again = TrunkCache(tmp_path, SHAPE)
    assert [(bytes(32), view) in again for view in (0, 1)].count(True) == 1
    assert not shard.exists()


def test_plain_views_are_shared_augmented_ones_are_not() -> None:
    light, strong = {"flip": 0.5}, {"flip": 0.5, "erase": 0.3}
    assert key_of("f", "cut", None, 1) == key_of("f", "cut", None, 2)
    keys = {key_of("f", "cut", a, seed) for a in (light, strong) for seed in (1, 2)}
    assert len(keys | {key_of("f", "cut", None, 1), key_of("g", "cut", None, 1)}) == 6


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old", "older")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "part").write_bytes(bytes(1000))
        os.utime(folder, (0, 10**9 - age) if age else None)
    make_room(tmp_path, most_bytes=2500)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["new", "old"]
    make_room(tmp_path, most_bytes=0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]
