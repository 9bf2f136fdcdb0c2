"""Cross-validation of heads, and the choice."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from sklearn.model_selection import cross_val_predict
from threadpoolctl import threadpool_info, threadpool_limits

from headstart.heads.calibration import fit_temperature, log_loss, row_losses
from headstart.heads.candidates import (
    Candidate,
    default_candidates,
    ensemble_of,
    rooted,
    side_by_side,
)
from headstart.heads.catalog import HEADS, make_head
from headstart.heads.cross_validation import _leading, cross_validate
from headstart.heads.ensemble import HeldOut, pool_weights
from headstart.heads.fitting import fit_chosen
from headstart.heads.ridge import RidgeHead
from headstart.heads.selection import CandidateScore, choice_rule, choose
from headstart.heads.spectrum import Rows
from headstart.layers import run, softmax
from headstart.progress import Silent

RIDGE = Candidate("ridge", ("late",))
WIDE = ("fully-connected", "random-features")


class Counting(Silent):
    def __init__(self):
        self.told = []

    def start(self, what, total):
        self.told.append(total)

    def advance(self, count=1):
        self.told[-1] -= count


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    y = np.arange(90) % 3
    late = (random.normal(size=(90, 12)) + 1.5 * np.eye(12)[y]).astype(np.float32)
    early = (random.normal(size=(90, 5)) + np.eye(5)[y]).astype(np.float32)
    return {"early": early, "late": late}, y, np.arange(90), np.arange(90) // 3 % 5


def test_scores_are_those_of_separate_fits(data):
    taps, y, groups, folds = data
    # The wide ones are left out for their time; they go through the same lines as the others.
    heads = tuple(name for name in HEADS if name not in WIDE)
    candidates = default_candidates(tuple(taps), heads)
    progress = Counting()
    scores = cross_validate(candidates, taps, y, groups, folds, 3, progress)
    assert progress.told == [0]
    splits = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(5)]
    for score in scores:
        assert score.learnable.all()
        X = rooted(side_by_side(taps, score.candidate.taps))
        head = make_head(score.candidate.head, 3)
        expected = np.empty_like(score.scores)
        for learn, judge in splits:
            head.fit_rows(Rows(X[learn]), y[learn], groups[learn])
            expected[judge] = head.scores(X[judge])
        np.testing.assert_allclose(score.scores, expected, rtol=1e-3, atol=1e-3)
        assert score.temperature == fit_temperature(score.scores, y)
        assert score.log_loss == log_loss(score.scores, y, score.temperature)
        assert score.accuracy == (score.scores.argmax(axis=1) == y).mean() == score.correct.mean()
        assert score.seconds > 0


def test_the_number_of_threads_changes_nothing_but_the_time(data):
    taps, y, groups, folds = data
    candidates = default_candidates(tuple(taps), ("ridge", "softmax", "neighbors"))
    progress = Counting()
    one = cross_validate(candidates, taps, y, groups, folds, 3, Silent(), threads=1)
    three = cross_validate(candidates, taps, y, groups, folds, 3, progress, threads=3)
    assert progress.told == [0]
    for first, second in zip(one, three, strict=True):
        assert first.candidate == second.candidate
        np.testing.assert_array_equal(first.scores, second.scores)


def test_labels_match_scikit_learns_cross_validation(data):
    taps, y, groups, folds = data
    (score,) = cross_validate([RIDGE], taps, y, groups, folds, 0, Silent())
    splits = [(folds != fold, folds == fold) for fold in range(5)]
    splits = [tuple(map(np.flatnonzero, split)) for split in splits]
    expected = cross_val_predict(make_head("ridge"), rooted(taps["late"]), y, cv=splits)
    np.testing.assert_array_equal(score.scores.argmax(axis=1), expected)


def test_a_class_that_lives_in_one_fold_is_wrong_there_and_its_column_stays_in_place(data):
    taps, y, groups, folds = data
    y = y.copy()
    y[y == 1] = 2
    y[:3] = 1
    folds[:3] = 0
    scores = cross_validate(
        [Candidate(head, ("late",)) for head in HEADS], taps, y, groups, folds, 0, Silent()
    )
    for score in scores:
        assert score.scores.shape == (90, 3)
        assert np.isfinite(score.scores).all()
        assert not score.correct[:3].any()
        unseen = folds == 0
        assert score.scores[unseen, 1].max() < score.scores[unseen][:, [0, 2]].min()
        assert score.accuracy > 0.5
        assert score.log_loss < 2


def test_a_class_of_one_group_does_not_touch_the_temperature_of_the_others():
    random = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [100, 100, 3])
    X = (random.normal(size=(203, 12)) + 2 * np.eye(12)[y]).astype(np.float32)
    groups = np.append(np.arange(200), [200] * 3)
    folds = np.append(np.arange(200) % 5, [0] * 3)
    candidates = [Candidate(head, ("late",)) for head in HEADS if head not in WIDE]

    def scores_of(rows):
        taps = {"late": X[rows]}
        return cross_validate(candidates, taps, y[rows], groups[rows], folds[rows], 0, Silent())

    for alone, third in zip(scores_of(slice(200)), scores_of(slice(203)), strict=True):
        # A third column is a little more to compete with; heard, its rows would nearly double it.
        assert third.temperature == pytest.approx(alone.temperature, rel=0.15)
        assert not third.correct[200:].any()
        np.testing.assert_array_equal(third.learnable, y < 2)


TRUE = np.zeros(100, dtype=np.int64)


def made(correct, margin, learnable=TRUE == 0):
    """Two classes; a row is right or wrong by ``margin``, one for all rows or one for each."""
    correct = np.asarray(correct, dtype=bool)
    scores = np.zeros((len(correct), 2), np.float32)
    scores[:, 1] = np.where(correct, -1, 1) * np.asarray(margin)
    loss = log_loss(scores, TRUE, 1.0)
    return CandidateScore(RIDGE, scores, 1.0, correct, loss, 0.0, learnable, TRUE == 0)


def test_choice_far_behind_is_out_whatever_its_log_loss():
    half, most = [1] * 50 + [0] * 50, [1] * 90 + [0] * 10
    timid, bold = made(half, 0.01), made(most, 20.0)
    assert timid.log_loss < bold.log_loss
    assert choose([timid, bold], TRUE) == 1


def test_choice_of_equal_accuracy_has_the_clearly_lower_log_loss():
    right = [1] * 90 + [0] * 10
    assert choose([made(right, 0.1), made(right, 2.0)], TRUE) == 1
    assert choose([made(right, 2.0), made(right, 0.1)], TRUE) == 0


def test_choice_counts_paired_rows():
    # Three of 100 rows differ, two one way and one the other: a tie as far as counting goes.
    best = made([1] * 90 + [1, 1, 0] + [0] * 7, 0.1)
    near = made([1] * 90 + [0, 0, 1] + [0] * 7, 2.0)
    assert choose([best, near], TRUE) == 1
    # Nine rows, all one way: behind by more than the error of the difference.
    first = made([1] * 94 + [0] * 6, 0.1)
    behind = made([1] * 85 + [0] * 15, 2.0)
    assert behind.log_loss < first.log_loss
    assert choose([first, behind], TRUE) == 0


def test_choice_of_what_neither_tells_apart_is_the_first():
    right = [1] * 90 + [0] * 10
    noise = np.random.default_rng(0).normal(size=(2, 100))
    one, other = made(right, 2 + noise[0]), made(right, 2 + noise[1])
    assert one.log_loss != other.log_loss
    assert choose([one, other], TRUE) == choose([other, one], TRUE) == 0


def test_choice_allows_for_rows_that_fits_shared():
    # Eight rows, all one way, are 2.9 times their standard error: of two candidates whose fits
    # shared most rows, three times is no proof.
    best = made([1] * 94 + [0] * 6, 0.1)
    near = made([1] * 86 + [0] * 14, 2.0)
    assert choose([best, near], TRUE) == 1


def test_choice_allows_for_the_number_of_candidates():
    best, behind = made([1] * 94 + [0] * 6, 0.1), made([1] * 85 + [0] * 15, 2.0)
    half = made([1] * 50 + [0] * 50, 0.1)
    assert choose([behind, best], TRUE) == 1
    # The best of seventeen may be as much ahead by luck.
    assert choose([behind, best, *[half] * 15], TRUE) == 0


def test_choice_does_not_hear_rows_that_could_not_be_learnt():
    right = np.arange(100) < 90
    margins = np.where(right, 2.0, 30.0)  # Sure, and wrong, only where the class was not known.
    sure, timid = made(right, margins, right), made(right, 0.1, right)
    assert sure.log_loss > timid.log_loss
    assert choose([timid, sure], TRUE) == 1


def test_the_rule_for_drawn_rows_is_the_choice_on_each_draw():
    random = np.random.default_rng(0)
    learnable = np.arange(100) < 95
    scores = [
        made(random.random(100) < p, random.exponential(2, 100), learnable)
        for p in (0.85, 0.88, 0.9, 0.9)
    ]
    counts = random.multinomial(100, [0.01] * 100, size=60).astype(float)
    counts[0] = 1
    expected = []
    for draw in counts.astype(int):
        rows = np.repeat(np.arange(100), draw)
        known = rows[learnable[rows]]
        wrong = [~score.correct[rows] for score in scores]
        losses = [row_losses(score.scores[known], TRUE[known], 1.0) for score in scores]
        expected.append(slow_choice(wrong, losses))
    found = choice_rule(scores, TRUE)(counts)
    assert len(set(expected)) > 1
    assert found.tolist() == expected
    assert found[0] == choose(scores, TRUE)


def slow_choice(*criteria):
    # Of 100 rows and four candidates, with what fits on four of five folds have in common.
    allowed = 1.5 * scipy.stats.t.ppf(1 - 0.025 / 3, 99)
    left = list(range(len(criteria[0])))
    for losses in criteria:
        best = min(left, key=lambda k: losses[k].mean())
        behind = [losses[k].astype(float) - losses[best] for k in left]
        left = [
            k
            for k, gap in zip(left, behind, strict=True)
            if gap.mean() <= allowed * gap.std(ddof=1) / np.sqrt(len(gap))
        ]
    return left[0]


def test_the_chosen_head_is_fitted_in_one_thread(data, monkeypatch):
    taps, y, groups, _ = data
    fit_rows, threads = RidgeHead.fit_rows, []

    def watched(self, *arguments):
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return fit_rows(self, *arguments)

    monkeypatch.setattr(RidgeHead, "fit_rows", watched)
    with threadpool_limits(2):
        fit_chosen(RIDGE, taps, y, groups, 1.0, 0)
    assert set(threads) == {1}


def test_the_chosen_head_is_fitted_on_all_rows(data):
    taps, y, groups, _ = data
    candidate = Candidate("softmax", ("early", "late"))
    head = fit_chosen(candidate, taps, y, groups, 0.7, 4)
    X = side_by_side(taps, ("early", "late"))
    expected = make_head("softmax", 4).fit(rooted(X), y, groups).scores(rooted(X))
    assert head.temperature_ == 0.7
    np.testing.assert_allclose(run(head.layers_, X), expected, atol=1e-5)
    np.testing.assert_allclose(head.predict_proba(X), softmax(expected, 0.7), atol=1e-5)


@pytest.fixture
def ensemble(data):
    taps, y, groups, folds = data
    alone = default_candidates(tuple(taps), ("ridge", "nearest-mean", "neighbors"))
    pool = ensemble_of(alone, tuple(taps))
    return pool, cross_validate((pool, *alone), taps, y, groups, folds, 3, Silent())


def test_an_ensemble_pools_what_its_members_answered_about_rows_held_out(data, ensemble):
    _, y, _, folds = data
    pool, scores = ensemble
    assert [member.name for member in pool.members] == [
        *("ridge · all taps", "ridge", "nearest-mean", "ridge · early"),
    ]
    own = {score.candidate.name: score for score in scores[1:]}
    members = [own[member.name] for member in pool.members]
    raw = np.stack([score.scores for score in members])
    answers = HeldOut(
        tuple(score.scores for score in members), tuple(score.temperature for score in members)
    )
    for fold in range(5):
        others = folds != fold
        without = answers.judged_by(np.flatnonzero(others), y)
        weights = pool_weights(without, y, np.flatnonzero(others)) / without.temperatures
        expected = np.tensordot(weights, raw[:, ~others], 1)
        np.testing.assert_allclose(scores[0].scores[~others], expected, rtol=1e-4, atol=1e-5)
    weights = pool_weights(answers, y, np.arange(len(y)))
    assert scores[0].candidate.weights == tuple(weights[weights > 0])
    assert scores[0].candidate.name == "ensemble"
    assert sum(scores[0].candidate.shares.values()) == pytest.approx(1)
    assert scores[0].candidate.words.startswith("ensemble (")


def test_the_ensemble_is_fitted_on_all_rows_as_one_list_of_layers(data, ensemble):
    taps, y, groups, _ = data
    score = ensemble[1][0]
    head = fit_chosen(score.candidate, taps, y, groups, score.temperature, 3, threads=2)
    expected = np.zeros((len(y), 3))
    parts = zip(
        score.candidate.members, score.candidate.weights, score.candidate.temperatures, strict=True
    )
    for member, weight, temperature in parts:
        alone = fit_chosen(member, taps, y, groups, temperature, 3)
        X = side_by_side(taps, member.taps)
        expected += weight / temperature * run(alone.layers_, X)
    found = run(head.layers_, side_by_side(taps, score.candidate.taps))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_one_head_is_no_ensemble():
    assert ensemble_of(default_candidates(("a",), ("ridge", "neighbors")), ("a",)) is None


def test_default_candidates():
    candidates = default_candidates(("a", "b", "c"), ("ridge", "neighbors"))
    assert [candidate.name for candidate in candidates] == [
        *("ridge · all taps", "ridge", "neighbors", "ridge · b", "ridge · a"),
    ]
    taps = [candidate.taps for candidate in candidates]
    assert taps == [("a", "b", "c"), ("c",), ("c",), ("b",), ("a",)]
    assert default_candidates(("a",), ("ridge",)) == (Candidate("ridge", ("a",)),)
    assert len(default_candidates(("a", "b"), ("neighbors",))) == 1


@pytest.fixture
def crowd():
    """A head that pools, one beside it as good as they are, and labels that neighbors miss."""
    random = np.random.default_rng(1)
    y = np.arange(600) % 2
    X = random.normal(size=(600, 200)).astype(np.float32)
    X[:, 0] += np.where(y, 2, -2)
    folds = np.arange(600) // 2 % 5
    members = (Candidate("ridge", ("late",)), Candidate("softmax", ("late",)))
    pool = ensemble_of(members, ("late",))
    return pool, members, {"late": X}, y, folds


def test_what_does_not_lead_on_the_first_fold_is_not_asked_about_the_others(crowd):
    pool, members, taps, y, folds = crowd
    behind, ahead = Candidate("neighbors", ("late",)), Candidate("nearest-mean", ("late",))
    candidates = (pool, *members, behind, ahead)
    progress = Counting()
    scores = cross_validate(candidates, taps, y, np.arange(600), folds, 0, progress, race=True)
    assert progress.told == [0]
    left, kept = scores[3:]
    np.testing.assert_array_equal(left.judged, folds == 0)
    assert not left.is_whole
    assert not left.correct[folds > 0].any()
    assert left.accuracy == left.correct[folds == 0].mean()
    whole = cross_validate(candidates, taps, y, np.arange(600), folds, 0, Silent())[3]
    np.testing.assert_array_equal(left.scores[folds == 0], whole.scores[folds == 0])
    assert whole.is_whole
    assert kept.is_whole
    assert all(score.is_whole for score in scores[:3])


def answers(num_wrong, certainty=4.0, num_rows=100):
    """Scores of rows of class 1, some of them wrong."""
    sure = np.where(np.arange(num_rows) < num_wrong, -certainty, certainty)
    return np.stack([np.zeros(num_rows), sure], axis=1).astype(np.float32)


def test_the_best_on_the_first_fold_goes_on_and_one_mistake_more_does_not():
    y = np.ones(100, dtype=np.int64)
    assert _leading(np.stack([answers(5), answers(6)]), y) == {0}
    assert _leading(np.stack([answers(6), answers(5), answers(5)]), y) == {1, 2}


def test_of_equally_many_mistakes_the_log_loss_decides():
    y = np.ones(100, dtype=np.int64)
    # Whatever the temperature: the second is least sure where it is wrong.
    careful = answers(5)
    careful[:5] /= 2
    assert _leading(np.stack([answers(5), careful, answers(6)]), y) == {1}


def test_without_an_ensemble_nobody_stops_on_the_first_fold(crowd):
    _, members, taps, y, folds = crowd
    candidates = (*members, Candidate("neighbors", ("late",)))
    scores = cross_validate(candidates, taps, y, np.arange(600), folds, 0, Silent(), race=True)
    assert all(score.is_whole for score in scores)


@pytest.mark.parametrize("rows", [np.arange(200), np.arange(600)])
def test_few_independent_rows_do_not_tell_who_leads(crowd, rows):
    pool, members, taps, y, folds = crowd
    # Forty of a fold: alone, or in three of a kind.
    groups = rows if len(rows) == 200 else 40 * (rows // 2 % 5) + rows // 10 % 40
    scores = cross_validate(
        (pool, *members, Candidate("neighbors", ("late",))),
        {"late": taps["late"][rows]},
        y[rows],
        groups,
        folds[rows],
        0,
        Silent(),
        race=True,
    )
    assert all(score.is_whole for score in scores)


def test_choice_is_never_what_was_not_asked_about_every_row():
    first = np.arange(100) < 20
    lucky = replace(made([1] * 20 + [0] * 80, 5.0), judged=first)
    assert lucky.accuracy == 1
    assert choose([lucky, made([1] * 60 + [0] * 40, 1.0)], TRUE) == 1
