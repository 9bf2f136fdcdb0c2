"""The nearest training pictures: as scikit-learn finds them, by names that survive a bundle."""

import shutil

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from headstart.errors import BundleError
from headstart.model import search
from headstart.model.bundle import write_record
from headstart.model.classifier import load
from headstart.model.gallery import Gallery, load_gallery, write_gallery


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "copy.headstart")


def a_gallery(rows, dim=24, seed=0, most=1000):
    features = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    ids = [f"pic-{row}" for row in range(rows)]
    labels = [f"class {row % 3}" for row in range(rows)]
    return Gallery.of(ids, labels, features, 0, most), features


def test_nearest_as_scikit_learn():
    gallery, _ = a_gallery(300)
    reference = NearestNeighbors(metric="cosine").fit(gallery.features.astype(np.float64))
    for query in np.random.default_rng(1).normal(size=(20, 24)).astype(np.float32):
        distance, rows = reference.kneighbors(query[None].astype(np.float64), 7)
        found = gallery.nearest(query, 7)
        assert [one.id for one in found] == [f"pic-{row}" for row in rows[0]]
        assert [one.label for one in found] == [f"class {row % 3}" for row in rows[0]]
        np.testing.assert_allclose([one.similarity for one in found], 1 - distance[0], atol=1e-6)


def test_equals_come_in_their_order_and_none_is_above_one():
    features = np.tile(np.float32([3, 4, 0.1]), (6, 1))
    gallery = Gallery.of([*"abcdef"], ["x"] * 6, features, 0, 9)
    found = gallery.nearest(features[0], 4)
    assert [one.id for one in found] == ["a", "b", "c", "d"]
    assert all(0.999 < one.similarity <= 1 for one in found)


def test_never_more_than_there_are():
    gallery, features = a_gallery(3)
    assert sorted(one.id for one in gallery.nearest(features[0], 5)) == ["pic-0", "pic-1", "pic-2"]


def test_too_many_are_drawn_from():
    gallery, features = a_gallery(100, most=40)
    assert (len(gallery.ids), len(gallery.features), gallery.num_pictures) == (40, 40, 100)
    for name, row in zip(gallery.ids, gallery.features, strict=True):
        own = features[int(name.removeprefix("pic-"))]
        np.testing.assert_allclose(row, own / np.linalg.norm(own), atol=1e-3)
    assert gallery.ids == a_gallery(100, most=40)[0].ids


def test_faiss_finds_the_same(monkeypatch):
    pytest.importorskip("faiss")
    gallery, _ = a_gallery(1200, most=1200)
    queries = gallery.features[::40] + 0.05
    by_numpy = [gallery.nearest(query, 5) for query in queries]
    monkeypatch.setattr(search, "ABOVE", 1000)
    for query, expected in zip(queries, by_numpy, strict=True):
        found = gallery.nearest(query, 5)
        assert [one.id for one in found] == [one.id for one in expected]
        near = [one.similarity for one in expected]
        assert [one.similarity for one in found] == pytest.approx(near, abs=1e-6)


def test_a_bundle_without_gallery(headstart, shapes, tmp_path):
    place = tmp_path / "none"
    assert headstart("fit", shapes, "--out", place, "--gallery", 0, "--json").code == 0
    assert not (place / "gallery.safetensors").exists()
    ran = headstart("similar", place, next((shapes / "blobs").iterdir()))
    assert ran.code == 2


def test_names_that_are_no_text_survive(bundle, tmp_path):
    gallery = Gallery.of(
        ["a/\udcff.png", "ü,\n.png"], ["a", "ü"], np.eye(2, dtype=np.float32), 0, 9
    )
    write_gallery(tmp_path, gallery)
    write_record(tmp_path, load(bundle).record)
    found = load_gallery(tmp_path)
    assert found is not None
    assert (found.ids, found.labels, found.num_pictures) == (gallery.ids, gallery.labels, 2)
    np.testing.assert_allclose(found.features, gallery.features, atol=1e-3)


def test_a_training_picture_finds_itself_first(bundle, shapes):
    gallery = load_gallery(bundle)
    pictures = [shapes / name for name in gallery.ids[::5]]
    for name, outcome in zip(
        gallery.ids[::5], load(bundle, with_features=True).outcomes(pictures), strict=True
    ):
        first, second = gallery.nearest(outcome.outputs["features"], 2)
        assert (first.id, first.label) == (name, name.split("/")[0])
        assert first.similarity > 0.999 > second.similarity


def test_only_training_pictures_are_in_it(bundle):
    gallery = load_gallery(bundle)
    assert (
        gallery.num_pictures == len(gallery.ids) == load(bundle).record.data["num_training_images"]
    )


def test_a_bundle_without_one(copy):
    (copy / "gallery.safetensors").unlink()
    write_record(copy, load(copy).record)
    assert load_gallery(copy) is None


def test_one_that_was_changed(copy):
    place = copy / "gallery.safetensors"
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content)
    with pytest.raises(BundleError, match=r"gallery\.safetensors was changed"):
        load_gallery(copy)
    place.unlink()
    with pytest.raises(BundleError, match=r"gallery\.safetensors is missing"):
        load_gallery(copy)
    assert load(copy).class_names  # prediction does not need it
