"""Rows that stay on the disk until they are asked for."""

import errno
import mmap
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from headstart.features.on_disk import OnDisk, array_on_disk

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="kept in memory here")


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5000, 7)).astype(np.float32)


@pytest.fixture
def kept(tmp_path: Path, values: np.ndarray) -> OnDisk:
    rows = OnDisk(values.shape, tmp_path)
    order = np.random.default_rng(1).permutation(len(values))
    for some in np.array_split(order, 3):
        rows[some] = values[some]
    return rows


def test_gives_what_an_array_gives(kept: OnDisk, values: np.ndarray) -> None:
    assert kept.shape == values.shape
    assert len(kept) == len(values)
    slices = (slice(None), slice(10, 20), slice(4990, 6000), slice(0))
    for some in (*slices, np.array([4999, 0, 7, 7]), values[:, 0] > 1):
        np.testing.assert_array_equal(kept[some], values[some])
    np.testing.assert_array_equal(np.asarray(kept), values)
    np.testing.assert_array_equal(np.asarray(kept, np.float64), values.astype(np.float64))


def test_a_row_is_a_copy(kept: OnDisk, values: np.ndarray) -> None:
    kept[:10][:] = 0
    np.testing.assert_array_equal(kept[:10], values[:10])


def test_no_name_is_left_on_the_disk(kept: OnDisk, tmp_path: Path) -> None:
    assert kept.shape
    assert not list(tmp_path.iterdir())


def test_reading_all_of_it_block_by_block_takes_no_memory(tmp_path: Path) -> None:
    rows = OnDisk((16_384, 2048), tmp_path)  # 134 MB
    for start in range(0, len(rows), 1024):
        rows[start : start + 1024] = np.float32(start)
    before = resident()
    total = sum(float(rows[start : start + 1024].sum()) for start in range(0, len(rows), 1024))
    assert total == sum(range(0, 16_384, 1024)) * 1024.0 * 2048
    assert resident() - before < 40e6


def resident() -> int:
    fields = Path("/proc/self/statm")
    if not fields.exists():
        pytest.skip("no /proc here")
    return int(fields.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_full_disk_is_an_error_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        OnDisk((10, 10), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_last_gigabyte_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    free = 400 + 999_999_999
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    with pytest.raises(OSError, match="no room"):
        OnDisk((10, 10), tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free + 1))
    assert len(OnDisk((10, 10), tmp_path)) == 10


def test_an_array_of_zeros_whose_file_has_no_name(tmp_path: Path) -> None:
    found = array_on_disk((3, 5, 7), tmp_path)
    assert isinstance(found.base.base.obj, mmap.mmap)
    assert not list(tmp_path.iterdir())
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.zeros((3, 5, 7)))
    found[1, np.arange(5) > 2] = 4
    assert found.sum() == 4 * 2 * 7
    in_memory = array_on_disk((2, 2), tmp_path / "nowhere")
    np.testing.assert_array_equal(in_memory, np.zeros((2, 2)))
