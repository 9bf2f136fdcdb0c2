"""What every head promises."""

import json

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from headstart.heads.catalog import HEADS, make_head
from headstart.layers import from_plain, run, softmax, to_plain


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    # Hundreds of tiny fits: threads would only wait for one another.
    with threadpool_limits(1):
        yield


NARROW = {"fully-connected": {"hidden": 64}, "random-features": {"width": 128}}


def small(name, seed=0):
    """The head as it comes; what is wide is narrower, for time."""
    return make_head(name, seed).set_params(**NARROW.get(name, {}))


def quick(name):
    """For scikit-learn's hundreds of fits on easy data: the network also sooner done."""
    head = small(name)
    return head.set_params(epochs=6) if name == "fully-connected" else head


def problem(num_classes, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(60) % num_classes
    return (random.normal(size=(60, 10)) + 3 * np.eye(10)[y]).astype(np.float32), y


every_head = pytest.mark.parametrize("name", HEADS)


@parametrize_with_checks([quick(name) for name in HEADS])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@every_head
@pytest.mark.parametrize("num_classes", [2, 4])
def test_layers_alone_give_the_probabilities(name, num_classes):
    X, y = problem(num_classes)
    head = small(name).fit(X, y)
    described, arrays = to_plain(head.layers_)
    layers = from_plain(json.loads(json.dumps(described)), arrays)
    scores = run(layers, X)
    assert scores.shape == (60, num_classes)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(softmax(scores, head.temperature_), head.predict_proba(X))
    assert {array.dtype.name for array in arrays.values()} <= {"float32", "int64"}


@every_head
def test_labels_may_be_words(name):
    X, y = problem(3)
    words = np.array(["wasp", "ant", "bee"])[y]
    head = small(name).fit(X, words)
    assert list(head.classes_) == ["ant", "bee", "wasp"]
    assert head.score(X, words) > 0.9
    assert (head.classes_[head.predict_proba(X).argmax(axis=1)] == head.predict(X)).all()


@every_head
def test_the_same_seed_gives_the_same_head(name):
    X, y = problem(3)
    first, again = small(name, 5).fit(X, y), small(name, 5).fit(X, y)
    assert first.temperature_ == again.temperature_
    np.testing.assert_array_equal(first.scores(X), again.scores(X))


@every_head
def test_probabilities_of_noise_are_modest(name):
    random = np.random.default_rng(0)
    X, y = random.normal(size=(150, 30)), np.arange(150) % 3
    fresh = random.normal(size=(150, 30))
    probabilities = small(name).fit(X, y).predict_proba(fresh)
    assert np.median(probabilities.max(axis=1)) < 0.55


@every_head
def test_one_class_is_refused(name):
    with pytest.raises(ValueError, match="one class, 'cat'"):
        make_head(name).fit(problem(2)[0], ["cat"] * 60)


@every_head
def test_constant_columns_and_a_class_of_one_row_do_no_harm(name):
    X, y = problem(3)
    X[:, 9] = 40.0
    X[:, 8] = 0.0
    y = np.where(np.arange(60) == 0, 3, y)
    head = small(name).fit(X, y)
    probabilities = head.predict_proba(X)
    assert probabilities.shape == (60, 4)
    assert np.isfinite(probabilities).all()
    assert head.score(X, y) > 0.8


@every_head
def test_one_row_of_each_class_is_enough(name):
    X = np.eye(3, 5)
    head = small(name).fit(X, [0, 1, 2])
    assert np.isfinite(head.predict_proba(X)).all()


@every_head
def test_groups_must_match_the_rows(name):
    X, y = problem(2)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small(name).fit(X, y, groups=[1, 2, 3])


@every_head
def test_the_number_of_threads_changes_nothing(name):
    random = np.random.default_rng(0)
    X = random.normal(size=(150, 120)).astype(np.float32)
    y = np.arange(150) % 3
    X[:, :3] += np.eye(3)[y]
    scores = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            head = quick(name).fit(X, y)
        scores.append((head.scores(X[:1]), head.temperature_))
    np.testing.assert_array_equal(scores[0][0], scores[1][0])
    assert scores[0][1] == scores[1][1]
