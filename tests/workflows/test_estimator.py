"""hs.ImageClassifier keeps scikit-learn's contract, on features, paths and pictures."""

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from headstart import ImageClassifier
from headstart.errors import DatasetError, SettingError


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    # Hundreds of tiny fits: threads would only wait for one another.
    with threadpool_limits(1):
        yield


@pytest.fixture
def paths(shapes, cache):
    return sorted(shapes.rglob("*.png"))


@pytest.fixture
def labels(paths):
    return np.array([path.parent.name for path in paths])


@pytest.fixture(scope="module")
def features():
    random = np.random.default_rng(0)
    y = np.arange(60) % 3
    return random.normal(size=(60, 8)) + 2 * np.eye(8)[y], y


@parametrize_with_checks([ImageClassifier(head="ridge")])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_cross_validation_on_paths(paths, labels):
    scores = cross_val_score(ImageClassifier(head="ridge"), [str(p) for p in paths], labels, cv=3)
    assert scores.mean() > 0.9


def test_lists_and_arrays_of_paths_are_the_same(paths, labels):
    as_list = ImageClassifier(head="nearest-mean").fit(paths, labels)
    as_array = ImageClassifier(head="nearest-mean").fit(np.array([str(p) for p in paths]), labels)
    few = [str(path) for path in paths[::7]]
    np.testing.assert_array_equal(as_list.predict_proba(few), as_array.predict_proba(few))
    assert as_list.predict(tuple(paths[:3])).tolist() == labels[:3].tolist()


def test_pictures_give_what_their_files_give(paths, labels):
    pixels = np.stack([np.asarray(Image.open(path)) for path in paths])
    assert pixels.dtype == np.uint8
    on_paths = ImageClassifier(head="ridge", taps="all").fit(paths, labels)
    on_pixels = ImageClassifier(head="ridge", taps="all").fit(pixels, labels)
    expected = on_paths.predict_proba(paths[:5])
    np.testing.assert_allclose(on_paths.predict_proba(pixels[:5]), expected, atol=1e-5)
    np.testing.assert_allclose(on_pixels.predict_proba(pixels[:5]), expected, atol=1e-3)


def test_pipeline_and_grid_search(features):
    X, y = features
    pipeline = make_pipeline(StandardScaler(), ImageClassifier(head="ridge"))
    assert pipeline.fit(X, y).score(X, y) > 0.8
    search = GridSearchCV(pipeline, {"imageclassifier__head": ["ridge", "nearest-mean"]}, cv=3)
    assert search.fit(X, y).best_score_ > 0.6


def test_a_clone_has_the_settings_and_nothing_learned(features):
    first = ImageClassifier(head="nearest-mean", seed=3).fit(*features)
    second = clone(first)
    assert second.get_params() == first.get_params()
    assert not hasattr(second, "head_")


def test_the_taps_are_chosen_by_name(paths, labels):
    def dim(taps):
        return ImageClassifier(head="nearest-mean", taps=taps).fit(paths, labels).n_features_in_

    assert dim("stage3") == dim(("stage3",)) == 80
    assert dim(("stage3", "head")) == 80 + 1280
    assert dim("all") == 80 + 160 + 224 + 384 + 640 + 1280
    with pytest.raises(SettingError, match="no tap 'stage99'"):
        dim("stage99")


def test_a_bad_picture_is_an_error(paths, labels, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"<html>")
    with pytest.raises(DatasetError, match=r"1 of 45 .*bad\.jpg: not_an_image"):
        ImageClassifier().fit([*paths, tmp_path / "bad.jpg"], [*labels, "blobs"])
    fitted = ImageClassifier(head="nearest-mean").fit(paths, labels)
    with pytest.raises(DatasetError, match=r"bad\.jpg"):
        fitted.predict([tmp_path / "bad.jpg"])


@pytest.mark.parametrize("X", [[], ["a.png", 3], np.zeros((2, 3, 3, 3, 3))])
def test_what_is_neither_paths_nor_pictures_nor_features(X):
    with pytest.raises(ValueError):
        ImageClassifier(head="ridge").fit(X, [0, 1][: len(X)])


def test_an_unknown_head(features):
    with pytest.raises(SettingError, match="did you mean ridge"):
        ImageClassifier(head="rigde").fit(*features)


def test_published_heads_see_features_as_they_are(paths, labels, cache):
    seen = {}
    for head in ("logistic", "ridge"):
        estimator = ImageClassifier(head=head, cache=str(cache))
        seen[head] = estimator._features([str(path) for path in paths[:4]])
    np.testing.assert_allclose(seen["ridge"], np.sqrt(seen["logistic"]), rtol=1e-6)
