"""Which backbone: samples, probes, who leaves and who is chosen."""

import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from headstart.heads.candidates import rooted
from headstart.heads.ridge import RidgeHead
from headstart.heads.spectrum import Rows
from headstart.strategy.backbone_choice import (
    MARGIN,
    Contender,
    Unfit,
    choose_backbone,
    left_out_correct,
    places,
)

CHEAP, DEAR = Contender("cheap", 0.01, 0.74), Contender("dear", 0.02, 0.77)


def race(contenders, answers, y=None, **settings):
    """Choose, with each backbone's answers given for all pictures."""
    num_rows = len(next(iter(answers.values())))
    y = np.arange(num_rows) % 2 if y is None else y
    asked = []

    def probe(name, rows):
        asked.append((name, len(rows)))
        if isinstance(answers[name], str):
            raise Unfit(answers[name])
        return answers[name][rows]

    choice = choose_backbone(contenders, y, np.arange(num_rows), probe, seed=0, **settings)
    return choice, asked


def right(num_rows, share, seed=0):
    return np.random.default_rng(seed).random(num_rows) < share


def test_samples_are_stratified_nested_and_keep_groups_whole():
    random = np.random.default_rng(3)
    groups = random.integers(0, 60, 240)
    y = (groups * 7) % 3  # a group is of one class
    place = places(y, groups, seed=1)
    before = np.zeros(240, dtype=bool)
    for per_class in (1, 5, 20, 40):
        sample = place < per_class
        assert (sample | ~before).all()
        assert not set(groups[sample]) & set(groups[~sample])
        counts = np.bincount(y[sample], minlength=3)
        largest = max(np.bincount(groups))
        assert (counts >= per_class).all()
        assert (counts < per_class + largest).all()
        before = sample
    assert (places(y, groups, seed=2) != place).any()
    assert (place < 240).all()


def test_the_probe_is_right_where_a_refit_without_the_row_is():
    random = np.random.default_rng(0)
    y = np.arange(60) % 3
    head = random.normal(size=(60, 8)).astype(np.float32)
    head[np.arange(60), y] += 1.5
    found = left_out_correct({"early": np.zeros((60, 2), np.float32), "head": head}, y, y * 0)
    X = rooted(head)
    penalty = RidgeHead().fit_rows(Rows(X), y, None).penalty_
    X = StandardScaler().fit_transform(X)
    expected = [
        Ridge(alpha=penalty).fit(X[rest], np.eye(3)[y[rest]]).predict(X[[row]]).argmax() == y[row]
        for row in range(60)
        for rest in [np.arange(60) != row]
    ]
    assert found.tolist() == expected
    assert 0.5 < found.mean() < 1


def test_the_better_of_the_last_tap_and_all_counts():
    random = np.random.default_rng(0)
    y = np.arange(40) % 2
    good = (random.normal(size=(40, 4)) + 4 * y[:, None]).astype(np.float32)
    noise = random.normal(size=(40, 400)).astype(np.float32)
    alone = np.arange(40)
    assert left_out_correct({"early": noise, "head": good}, y, alone).mean() > 0.95
    assert left_out_correct({"early": good * 30, "head": noise[:, :4]}, y, alone).mean() > 0.9


@pytest.mark.parametrize(
    ("features", "reason"), [(np.full((6, 2), np.nan), "finite"), (np.ones((6, 2)), "the same")]
)
def test_features_that_cannot_be_used(features, reason):
    with pytest.raises(Unfit, match=reason):
        left_out_correct({"head": features.astype(np.float32)}, np.arange(6) % 2, np.arange(6))


def test_a_dearer_one_that_is_clearly_better_is_chosen_early():
    answers = {"cheap": right(800, 0.6), "dear": right(800, 0.95)}
    choice, asked = race([CHEAP, DEAR], answers)
    assert choice.chosen == "dear"
    assert choice.runner_up == "cheap"
    assert asked == [("cheap", 40), ("dear", 40)]
    assert choice.rounds[0].standings[1].dropped == "worse than dear"
    sample = places(np.arange(800) % 2, np.arange(800), 0) < 20
    gain = answers["cheap"][sample].mean() - answers["dear"][sample].mean()
    assert choice.difference[0] == pytest.approx(gain)
    assert choice.difference[1] < gain < choice.difference[2] < 0


def test_every_round_has_twice_as_many_pictures_until_all_are_used():
    answers = {"cheap": right(300, 0.8, 1), "dear": right(300, 0.8, 2)}
    choice, _ = race([CHEAP, DEAR], answers)
    assert [each.num_images for each in choice.rounds] == [40, 80, 160, 300]


def test_no_further_round_begins_when_the_time_is_up():
    answers = {"cheap": right(300, 0.8, 1), "dear": right(300, 0.8, 2)}
    choice, _ = race([CHEAP, DEAR], answers, time_limit=0)
    assert [each.num_images for each in choice.rounds] == [40]


def test_many_classes_begin_with_few_pictures_of_each():
    y = np.arange(4000) % 500
    answers = {"cheap": right(4000, 0.2), "dear": right(4000, 0.7)}
    _, asked = race([CHEAP, DEAR], answers, y=y)
    assert asked[0] == ("cheap", 1000)


def close_answers():
    """The cheap one is a little more accurate, by chance."""
    answers = {"cheap": right(200, 0.82, 1), "dear": right(200, 0.82, 2)}
    assert 0 < answers["cheap"].mean() - answers["dear"].mean() < 0.04
    return answers


def test_what_cannot_be_told_apart_is_decided_by_the_prior():
    choice, _ = race([CHEAP, DEAR], close_answers())
    assert choice.chosen == "dear"
    assert choice.why.startswith("cheap was not distinguishably more accurate")
    assert choice.difference[1] < 0 < choice.difference[0]


def test_without_a_prior_the_more_accurate_one_is_taken():
    choice, _ = race([CHEAP, Contender("dear", 0.02)], close_answers())
    assert choice.chosen == "cheap"
    assert choice.why == "none was more accurate"


def test_a_dearer_one_that_cannot_be_better_by_half_a_point_is_dropped():
    cheap = right(4000, 0.9)
    dear = cheap.copy()
    dear[np.flatnonzero(~cheap)[-2:]] = True
    y = np.arange(4000) % 100  # the first round has 1 000 pictures
    choice, _ = race([CHEAP, DEAR], {"cheap": cheap, "dear": dear}, y=y)
    assert choice.chosen == "cheap"
    assert choice.rounds[-1].num_images < 4000
    dropped = {each.name: each.dropped for each in choice.rounds[-1].standings}
    assert dropped == {"cheap": None, "dear": "dearer than cheap, and not better"}


@pytest.mark.parametrize(("gap", "seed"), [(0.02, 0), (0.10, 1), (0.15, 2), (0.30, 3)])
def test_who_is_worse_than_half_a_point_leaves(gap, seed):
    """Against a bootstrap in plain loops."""
    best, other = right(150, 0.95, seed), right(150, 0.95 - gap, seed + 9)
    choice, _ = race([CHEAP, DEAR], {"cheap": best, "dear": other}, y=np.arange(150) % 10)
    random = np.random.default_rng(seed)
    gains = best.astype(float) - other
    means = [gains[random.integers(150, size=150)].mean() for _ in range(4000)]
    probability = np.mean(np.array(means) > MARGIN)
    assert abs(probability - 0.95) > 0.02  # else this says nothing
    dropped = [each.dropped for each in choice.rounds[0].standings if each.name == "dear"]
    assert (dropped == ["worse than cheap"]) == (probability > 0.95)


def test_the_first_round_keeps_the_third_the_best_by_prior_and_the_cheapest():
    many = [Contender(f"{i}", 0.1 - 0.01 * i, 0.7 + 0.01 * (i == 6)) for i in range(9)]
    y = np.arange(400) % 2
    answers = {f"{i}": right(400, 0.9 - 0.01 * i, i) for i in range(9)}
    choice, asked = race(many, answers, y=y)
    again = {name for name, number in asked if number == 80}
    first = choice.rounds[0].standings
    stayed = [each for each in first if each.dropped is None]
    assert again == {each.name for each in stayed}
    worse = [each for each in first if (each.dropped or "").startswith("worse")]
    assert {"6", "8"} - {each.name for each in worse} <= again
    assert 3 <= len(again) <= 5
    assert any(each.dropped == "not in the best third" for each in first)


def test_unfit_ones_are_named_and_the_rest_goes_on():
    answers = {"cheap": "its features are not finite", "dear": right(100, 0.9)}
    choice, _ = race([CHEAP, DEAR], answers | {"x": right(100, 0.1)}, time_limit=0)
    assert (choice.chosen, choice.runner_up) == ("dear", None)
    assert choice.refused == {"cheap": "its features are not finite"}
    nothing, _ = race([CHEAP, DEAR], {"dear": "bad", "cheap": "bad", "x": right(100, 0.1)})
    assert nothing.chosen == "cheap"
    assert "none could be judged" in nothing.why


def test_one_contender_is_not_judged():
    choice, asked = race([DEAR], {"dear": right(10, 0.5)})
    assert (choice.chosen, choice.why, asked) == ("dear", "no other is at hand", [])


def test_same_seed_same_choice_and_its_record_is_plain():
    answers = {"cheap": right(200, 0.7, 1), "dear": right(200, 0.8, 2)}
    first, second = (race([CHEAP, DEAR], answers)[0].to_json() for _ in range(2))
    first["seconds"] = second["seconds"] = 0
    assert json.loads(json.dumps(first, allow_nan=False)) == second
    assert set(first["runner_up"]) == {"name", "difference_to_chosen"}
    assert first["rounds"][0]["standings"][0]["difference_to_best"] is None


def test_words_name_the_choice_the_runner_up_and_every_score():
    choice, _ = race([CHEAP, DEAR], {"cheap": right(800, 0.6), "dear": right(800, 0.95)})
    head, versus, cheap, dear = choice.words()
    assert head == "backbone dear is chosen: none was more accurate"
    assert versus.startswith("  runner-up cheap: -")
    assert "of 40; 10 ms a picture" in cheap
    assert "dear" in dear
    assert [choice.fate(each) for each in choice.contenders] == ["worse than dear", "chosen"]
