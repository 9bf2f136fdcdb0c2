"""Label issues: the numbers are cleanlab's, and planted mistakes are found."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from headstart.audit.label_issues import confident_joint, label_agreement, label_issues
from headstart.audit.outliers import neighbourhood
from headstart.heads.ridge import RidgeHead
from headstart.layers import softmax
from headstart.metrics.nearness import Nearest


def noisy(seed, num_rows=300, num_classes=4, share=0.1, sharpness=2.0):
    """Probabilities that know the truth, and labels of which a share is wrong."""
    random = np.random.default_rng(seed)
    truth = random.integers(num_classes, size=num_rows)
    truth[:num_classes] = np.arange(num_classes)
    scores = random.normal(size=(num_rows, num_classes)) + sharpness * np.eye(num_classes)[truth]
    y = np.where(
        random.random(num_rows) < share, random.integers(num_classes, size=num_rows), truth
    )
    y[:num_classes] = np.arange(num_classes)
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), y, truth


CASES = [(seed, *sizes) for seed in range(6) for sizes in ((300, 4), (60, 2), (500, 20), (40, 8))]


@pytest.mark.parametrize(("seed", "num_rows", "num_classes"), CASES)
def test_are_cleanlabs(seed, num_rows, num_classes):
    # Here, not above: whoever only collects the tests need not load it.
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    p, y, _ = noisy(seed, num_rows, num_classes)
    found = label_issues(p, y)
    np.testing.assert_array_equal(found.self_confidence, get_label_quality_scores(y, p))
    np.testing.assert_array_equal(found.score, found.self_confidence)
    theirs = find_label_issues(
        y,
        p,
        filter_by="prune_by_noise_rate",
        confident_joint=confident_joint(p, y),
        n_jobs=1,
        min_examples_per_class=0,
    )
    np.testing.assert_array_equal(found.ticked, theirs)
    ranked = found.self_confidence[found.order]
    assert (np.diff(ranked) >= 0).all()


@pytest.mark.parametrize(("seed", "num_rows", "num_classes"), CASES)
def test_confident_joint_is_cleanlabs_but_for_the_rounding_of_ties(seed, num_rows, num_classes):
    from cleanlab.count import compute_confident_joint

    p, y, _ = noisy(seed, num_rows, num_classes)
    counts = compute_confident_joint(y, p, calibrate=False)
    scaled = counts / counts.sum(axis=1, keepdims=True) * np.bincount(y)[:, None]
    ours, theirs = confident_joint(p, y), compute_confident_joint(y, p)
    np.testing.assert_array_equal(ours.sum(axis=1), theirs.sum(axis=1))
    lost = [np.sort(np.abs(rounded - scaled), axis=1) for rounded in (ours, theirs)]
    np.testing.assert_allclose(lost[0], lost[1], atol=1e-6)


def test_joint_has_the_given_counts_and_no_rows_for_classes_without_pictures():
    p, y, _ = noisy(0, num_classes=5)
    y[y == 3] = 1
    joint = confident_joint(p, y)
    assert joint.sum(axis=1).tolist() == np.bincount(y, minlength=5).tolist()
    assert joint[:, 3].sum() == 0


def planted(seed):
    """Features of three classes, 5 % of the labels flipped, and six pictures like nothing."""
    random = np.random.default_rng(seed)
    truth = np.arange(400) % 3
    X = np.abs(random.normal(size=(400, 30)))
    X[np.arange(400), 10 * truth] += 6
    X[:6, :] = 0
    X[np.arange(6), 21 + np.arange(6)] = 8
    y = truth.copy()
    flipped = random.choice(np.arange(6, 400), 20, replace=False)
    y[flipped] = (y[flipped] + 1) % 3
    return X.astype(np.float32), y, flipped


@pytest.mark.parametrize("seed", range(3))
def test_flipped_labels_come_first_and_strangers_next(seed):
    X, y, flipped = planted(seed)
    head = RidgeHead().fit(X, y)
    p = softmax(head.loo_scores_, head.temperature_)
    found = label_issues(p, y, neighbourhood(X, np.arange(len(y))))
    wrong = np.isin(np.arange(len(y)), flipped)
    assert average_precision_score(wrong[6:], -found.score[6:]) > 0.95
    assert found.ticked[flipped].mean() >= 0.8
    assert found.ticked[~wrong].mean() <= 0.02
    # Strangers are somewhere in the plain ranking; the mixture brings them right after.
    assert set(range(6)) <= set(found.order[:40].tolist())
    assert (found.agreement[flipped] < 0.3).all()
    assert np.median(found.agreement[~wrong]) > 0.8
    assert (found.score <= found.self_confidence).all()


def test_agreement_counts_only_those_that_are_there():
    near = Nearest(
        np.array([[0.9, 0.8], [0.9, -np.inf], [-np.inf, -np.inf]], np.float32),
        np.array([[1, 2], [0, 2], [0, 1]]),
    )
    assert label_agreement(near, np.array([0, 0, 1])).tolist()[:2] == [0.5, 1.0]
    assert np.isnan(label_agreement(near, np.array([0, 0, 1]))[2])
