"""A disk that is full: three clear lines, nothing half, everything before still whole."""

import contextlib
import resource
import shutil

import pytest

import headstart as hs
from headstart.features.store import FeatureStore


@contextlib.contextmanager
def at_most(size):
    """No file may grow beyond so many bytes: what a full disk does, without filling one."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


@pytest.mark.long
@pytest.mark.parametrize("size", [50_000, 1_000_000])
def test_features_or_bundle_do_not_fit(
    fit, draw_folder, bundle, own_cache, backbone, tmp_path, size
):
    pictures = draw_folder(tmp_path / "pictures", start=1700, stripes=10, blobs=10)
    older = shutil.copytree(bundle, tmp_path / "out")
    network = ("--backbone", backbone.name)  # one whose graph is large
    expected = hs.load(older).predict(pictures / "blobs" / "blobs_1700.png")
    with at_most(size):
        ran = fit(pictures, older, *network)
    assert (ran.code, ran.out) == (2, "")
    assert "could not write" in ran.complaint
    assert "File too large" in ran.complaint
    assert hs.load(older).predict(pictures / "blobs" / "blobs_1700.png") == expected
    assert {path.name for path in tmp_path.iterdir()} == {"pictures", "own-cache", "out"}
    store = FeatureStore(own_cache, backbone)
    assert store.damaged == []
    assert not list(store.folder.glob(".headstart-tmp-*"))
    # What fitted is kept: only the bundle's graph is larger than a megabyte.
    assert len(store) == (20 if size == 1_000_000 else 0)
    assert fit(pictures, older, *network).code == 0


@pytest.mark.slow
def test_the_graph_does_not_fit(headstart, shapes, tmp_path):
    with at_most(100_000):
        ran = headstart("fit", shapes, "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    assert (ran.code, ran.out) == (2, "")
    assert "could not write" in ran.complaint
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "cache" / "graphs").iterdir()) == []


def test_a_parquet_file_does_not_fit(headstart, bundle, shapes, tmp_path):
    place = tmp_path / "answers.parquet"
    with at_most(1000):
        ran = headstart("predict", bundle, shapes, "--parquet", place)
    assert ran.code == 2
    assert "could not write" in ran.complaint
    assert list(tmp_path.iterdir()) == []
