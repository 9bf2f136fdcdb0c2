"""What folds share: one decomposition and the settings of all rows, but no label of their own."""

import threading

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from headstart.features.on_disk import OnDisk
from headstart.heads import cross_validation, penalised, spectrum, svm
from headstart.heads.candidates import Candidate, default_candidates, ensemble_of, rooted
from headstart.heads.catalog import HEADS, make_head
from headstart.heads.cross_validation import cross_validate
from headstart.heads.fitting import fit_chosen
from headstart.heads.ridge import RidgeHead
from headstart.heads.selection import choose
from headstart.heads.softmax import SoftmaxHead
from headstart.heads.spectral import SpectralHead
from headstart.heads.spectrum import Rows
from headstart.heads.svm import LinearSVMHead
from headstart.heads.whole_fits import WholeFits
from headstart.layers import run
from headstart.progress import Silent

SPECTRAL = [name for name in HEADS if isinstance(make_head(name), SpectralHead)]


def problem(num_rows=400, dim=30, num_classes=3, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(num_classes, size=num_rows)
    X = random.normal(size=(num_rows, dim)) * np.logspace(-1, 1, dim) + 3
    X[:, :num_classes] += np.eye(num_classes)[y] * X[:, :num_classes].std(axis=0)
    return X.astype(np.float32), y


def standardised(X):
    return (X - X.mean(axis=0, dtype=np.float64)) / X.std(axis=0, dtype=np.float64)


@pytest.mark.parametrize("num_rows", [25, 400], ids=["wide", "tall"])
def test_ridge_of_some_rows_is_ridge_of_these_rows(num_rows):
    X, y = problem(num_rows)
    kept = np.flatnonzero(np.arange(num_rows) % 4 > 0)
    rows = Rows(X)
    head = RidgeHead(penalties=[3.0]).fit_rows(rows, y, None)
    (layer,) = head.fit_some(rows, kept, y[kept])
    Z, targets = standardised(X), np.eye(3)[y]
    expected = Ridge(alpha=3.0).fit(Z[kept], targets[kept]).predict(Z)
    np.testing.assert_allclose(layer.run(X), expected, atol=2e-4)


def test_random_features_of_some_rows_are_ridge_of_these_rows_behind_the_projection():
    X, y = problem(2000)
    kept = np.flatnonzero(np.arange(2000) % 4 > 0)
    rows = Rows(X)
    head = make_head("random-features", 0).fit_rows(rows, y, None)
    scores = run(head.fit_some(rows, kept, y[kept]), X)
    H = standardised(run(head.layers_[:2], X))
    ridge = Ridge(alpha=head.ridge_.penalty_, solver="cholesky").fit(H[kept], np.eye(3)[y[kept]])
    np.testing.assert_allclose(scores, ridge.predict(H), atol=2e-3)


@pytest.mark.parametrize("num_rows", [40, 6000], ids=["exact", "float32"])
def test_softmax_of_some_rows_is_scikit_learns_of_these_rows(num_rows):
    X, y = problem(num_rows)
    kept = np.flatnonzero(np.arange(num_rows) % 4 > 0)
    rows = Rows(X)
    head = SoftmaxHead(penalty=2.0).fit_rows(rows, y, None)
    (layer,) = head.fit_some(rows, kept, y[kept])
    Z = standardised(X)
    model = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(Z[kept], y[kept])
    expected = model.decision_function(Z)
    expected -= expected.mean(axis=1, keepdims=True)
    found = layer.run(X)
    np.testing.assert_allclose(found - found.mean(axis=1, keepdims=True), expected, atol=5e-3)


def test_svm_of_some_rows_is_that_of_these_rows():
    X, y = problem()
    kept = np.flatnonzero(np.arange(400) % 4 > 0)
    rows = Rows(X)
    head = LinearSVMHead(C=0.5).fit_rows(rows, y, None)
    (layer,) = head.fit_some(rows, kept, y[kept])
    Z = standardised(X)
    zero = penalised.Rule(np.zeros((30, 3)), np.zeros(3))
    bound = np.full(30, float(np.linalg.eigvalsh(Z.T @ Z).max()))
    rule = penalised.minimise(svm._PROBLEM, Z[kept], y[kept], bound, 2.0, zero)
    np.testing.assert_allclose(layer.run(X), rule.scores(Z), atol=2e-3)


# Ridge takes the products of those left out from the products of all.
@pytest.mark.parametrize("name", [n for n in SPECTRAL if n not in ("ridge", "random-features")])
def test_rows_left_out_do_not_move_the_rule(name):
    X, y = problem()
    kept = np.flatnonzero(np.arange(400) % 4 > 0)
    rows = Rows(X)
    head = make_head(name).fit_rows(rows, y, None)
    before = run(head.fit_some(rows, kept, y[kept]), X)
    accuracy = (before[::4].argmax(axis=1) == y[::4]).mean()
    assert accuracy > 0.5
    rows.spectrum.rotated[::4] = 1e3
    np.testing.assert_array_equal(run(head.fit_some(rows, kept, y[kept]), X), before)
    rows.spectrum.rotated[1::4] = 0
    assert not np.array_equal(run(head.fit_some(rows, kept, y[kept]), X), before)


def test_the_settings_stay_those_of_all_rows():
    X, y = problem()
    rows = Rows(X)
    head = RidgeHead().fit_rows(rows, y, None)
    kept = np.arange(40)
    (layer,) = head.fit_some(rows, kept, y[kept])
    Z = standardised(X)
    expected = Ridge(alpha=head.penalty_).fit(Z[kept], np.eye(3)[y[kept]]).predict(Z)
    np.testing.assert_allclose(layer.run(X), expected, atol=2e-4)


def test_heads_that_decompose_nothing_are_left_to_each_fold():
    X, y = problem()
    nearest = Candidate("nearest-mean", ("late",))
    fits = WholeFits([nearest], {"late": X}, y, np.arange(400), seed=0)
    assert fits.fit(nearest) == 0.0
    assert fits.without(nearest, np.arange(300), y[:300]) is None
    assert fits.layers(nearest) == ()


def test_a_head_is_fitted_on_all_rows_once():
    X, y = problem()
    ridge = Candidate("ridge", ("late",))
    fits = WholeFits([ridge], {"late": X}, y, np.arange(400), seed=0)
    assert fits.fit(ridge) > 0
    assert fits.fit(ridge) == 0.0


@pytest.fixture
def many():
    """1 200 independent rows, of two taps."""
    late, y = problem(1200, 20)
    early, _ = problem(1200, 8, seed=1)
    return {"early": early, "late": late}, y, np.arange(1200), np.arange(1200) % 3


HEADS_HERE = ("ridge", "softmax", "linear-svm", "discriminant")


def test_many_rows_are_judged_as_few_are_but_for_the_settings(many, monkeypatch):
    taps, y, groups, folds = many
    candidates = default_candidates(tuple(taps), ("ridge", "softmax", "discriminant"))
    shared = cross_validate(candidates, taps, y, groups, folds, 0, Silent())
    monkeypatch.setattr(cross_validation, "MANY_GROUPS", 10**9)
    separate = cross_validate(candidates, taps, y, groups, folds, 0, Silent())
    for one, other in zip(shared, separate, strict=True):
        assert one.is_whole
        assert one.accuracy == pytest.approx(other.accuracy, abs=0.01)
        assert one.log_loss == pytest.approx(other.log_loss, rel=0.03)
        assert not other.layers
        assert bool(one.layers) == (one.candidate.head != "discriminant")


def test_what_was_fitted_on_all_rows_on_the_way_is_not_fitted_again(many, monkeypatch):
    taps, y, groups, folds = many
    alone = default_candidates(tuple(taps), HEADS_HERE)
    pool = ensemble_of(alone, tuple(taps))
    assert pool is not None
    scores = cross_validate((pool, *alone), taps, y, groups, folds, 0, Silent(), threads=2)
    best = scores[choose(scores, y)]
    known = {score.candidate: score.layers for score in scores if score.layers}
    arguments = (best.candidate, taps, y, groups, best.temperature, 0)
    plain = fit_chosen(*arguments).layers_
    fitted = []
    original = RidgeHead.fit_rows
    monkeypatch.setattr(
        RidgeHead, "fit_rows", lambda *a, **k: fitted.append(a) or original(*a, **k)
    )
    reused = fit_chosen(*arguments, known=known).layers_
    assert not fitted
    X = np.concatenate([taps[name] for name in best.candidate.taps], axis=1)
    np.testing.assert_allclose(run(reused, X), run(plain, X), atol=1e-5)


def test_threads_change_nothing(many):
    taps, y, groups, folds = many
    candidates = default_candidates(tuple(taps), HEADS_HERE)
    one = cross_validate(candidates, taps, y, groups, folds, 0, Silent(), threads=1)
    three = cross_validate(candidates, taps, y, groups, folds, 0, Silent(), threads=3)
    for first, second in zip(one, three, strict=True):
        np.testing.assert_array_equal(first.scores, second.scores)


def test_rows_too_many_to_write_out_give_the_same(many, monkeypatch):
    taps, y, groups, folds = many
    candidates = default_candidates(tuple(taps), ("ridge", "softmax", "random-features"))
    held = cross_validate(candidates, taps, y, groups, folds, 0, Silent())
    monkeypatch.setattr("headstart.heads.whole_fits._MOST_WRITTEN", 0)
    streamed = cross_validate(candidates, taps, y, groups, folds, 0, Silent())
    for one, other in zip(held, streamed, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


def test_a_class_that_a_fold_never_saw_is_wrong_there(many):
    taps, y, groups, folds = many
    y = y.copy()
    y[y == 1] = 2
    y[:9:3] = 1  # All in the first fold.
    candidates = [Candidate(head, ("late",)) for head in HEADS_HERE]
    for score in cross_validate(candidates, taps, y, groups, folds, 0, Silent()):
        assert not score.correct[:9:3].any()
        assert score.scores[folds == 0, 1].max() < score.scores[folds == 0][:, [0, 2]].min()
        assert score.accuracy > 0.5


def test_the_layers_are_those_of_the_head_on_what_it_sees(many):
    taps, y, groups, folds = many
    (score,) = cross_validate([Candidate("ridge", ("late",))], taps, y, groups, folds, 0, Silent())
    X = rooted(taps["late"])
    alone = RidgeHead().fit_rows(Rows(X), y, groups)
    np.testing.assert_allclose(run(score.layers, X), run(alone.layers_, X), atol=1e-6)


class Counting(Silent):
    def __init__(self):
        self.left = 0

    def start(self, what, total):
        self.left = total

    def advance(self, count=1):
        self.left -= count


@pytest.mark.parametrize("leader", ["fully-connected", "random-features"])
def test_a_race_of_many_rows_goes_on_with_its_leader_alone(leader):
    # No linear head can learn which of the two have the same sign.
    random = np.random.default_rng(0)
    X = random.normal(size=(1500, 2)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    taps = {"early": random.normal(size=(1500, 3)).astype(np.float32), "late": X}
    groups, folds = np.arange(1500), np.arange(1500) % 3
    alone = default_candidates(tuple(taps), ("ridge", "softmax", leader))
    alone += (Candidate("neighbors", ("early",)),)
    pool = ensemble_of(alone, tuple(taps))
    arguments = ((pool, *alone), taps, y, groups, folds, 0)
    found = []
    for threads in (1, 3):
        progress = Counting()
        found.append(cross_validate(*arguments, progress, threads=threads, race=True))
        assert progress.left == 0
    by_name = {score.candidate.name: score for score in found[0]}
    assert by_name[leader].is_whole
    assert by_name[leader].accuracy > by_name["ridge"].accuracy + 0.2
    assert not by_name["neighbors"].is_whole
    assert by_name["neighbors"].judged.sum() == 500
    for one, three in zip(*found, strict=True):
        np.testing.assert_array_equal(one.scores, three.scores)


def test_a_head_waits_for_nobody_but_itself(monkeypatch):
    X, y = problem()
    ridge, softmax = Candidate("ridge", ("late",)), Candidate("softmax", ("late",))
    fits = WholeFits([ridge, softmax], {"late": X}, y, np.arange(400), seed=0)
    fits.fit(ridge)
    begun, may_end = threading.Event(), threading.Event()
    original = SoftmaxHead.fit_rows

    def slow(*arguments):
        begun.set()
        assert may_end.wait(30)
        return original(*arguments)

    monkeypatch.setattr(SoftmaxHead, "fit_rows", slow)
    thread = threading.Thread(target=fits.fit, args=(softmax,))
    thread.start()
    assert begun.wait(30)
    try:
        assert fits.without(ridge, np.arange(300), y[:300]) is not None
    finally:
        may_end.set()
        thread.join()


@pytest.mark.parametrize("name", SPECTRAL)
@pytest.mark.parametrize("dim", [200, 400], ids=["every direction", "the leading ones"])
@pytest.mark.parametrize("size", [1, 2], ids=["alone", "pairs"])
def test_rows_on_the_disk_give_the_heads_of_rows_in_memory(name, dim, size, tmp_path, monkeypatch):
    monkeypatch.setattr("headstart.heads.spectrum._EXACT", 0)
    monkeypatch.setattr("headstart.heads.spectrum._MOST_DIRECTIONS", 100)
    monkeypatch.setattr("headstart.heads.spectrum._LARGEST_GRAM", 256)
    X, y = problem(3000, dim)
    kept, groups = np.flatnonzero(np.arange(len(y)) % 4 > 1), np.arange(len(y)) // size
    waiting = OnDisk(X.shape, tmp_path)
    waiting[:] = X
    found = []
    for rows in (Rows(X), Rows(waiting)):
        head = make_head(name, 0).fit_rows(rows, y, groups)
        some = head.fit_some(rows, kept, y[kept])
        found.append((run(head.layers_, X), run(some, X)))
        assert isinstance(rows.spectrum.rotated, OnDisk) == (rows.X is waiting)
    for one, other in zip(*found, strict=True):
        assert (one.argmax(axis=1) == other.argmax(axis=1)).mean() > 0.999
        np.testing.assert_allclose(one, other, atol=1e-2 * np.abs(one).max())


def test_what_ridge_on_all_rows_has_right_is_its_leave_group_out():
    X, y = problem(2200)
    groups = np.arange(2200) // 2
    candidates = default_candidates(("early", "late"), ["ridge", "softmax"])
    taps = {"early": np.abs(X), "late": np.abs(X[:, ::-1])}
    folds = groups % 5
    scores = cross_validate(candidates, taps, y, groups, folds, 0, Silent())
    known = {score.candidate.name: score.left_out for score in scores}
    X = rooted(np.concatenate([taps["early"], taps["late"]], axis=1))
    expected = RidgeHead().fit(X, y, groups).loo_scores_.argmax(axis=1) == y
    np.testing.assert_array_equal(known["ridge · all taps"], expected)
    assert known["softmax"] is None


def test_scores_of_all_rows_are_not_kept_for_the_folds():
    X, y = problem(1200)
    candidate = Candidate("ridge", ("late",))
    whole = WholeFits([candidate], {"late": X}, y, np.arange(1200), 0)
    whole.fit(candidate)
    assert whole.left_out(candidate).shape == (1200,)
    assert not hasattr(whole._heads[candidate], "loo_scores_")


def test_rows_that_were_decomposed_before_are_not_decomposed_again(monkeypatch):
    X, y = problem(1200)
    taps = {"early": X[:, 10:], "head": X}
    candidates = default_candidates(("early", "head"), ["ridge", "softmax"])
    asked = (candidates, taps, y, np.arange(1200), np.arange(1200) % 3, 0, Silent())
    expected = cross_validate(*asked)
    rows = Rows(rooted(X))
    assert rows.spectrum.eigenvalues.size
    known = {("head",): rows}
    seen = []
    decompose = spectrum.decompose
    monkeypatch.setattr(spectrum, "decompose", lambda X: seen.append(X.shape[1]) or decompose(X))
    found = cross_validate(*asked, decomposed=known)
    assert known == {}
    assert 30 not in seen and 50 in seen and 20 in seen
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)
