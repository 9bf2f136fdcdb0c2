"""The audit of a run: planted wrong labels, strangers and copies come back under their names."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.datasets.manifest import Manifest
from headstart.datasets.splitting import folds
from headstart.heads.candidates import Candidate
from headstart.heads.cross_validation import cross_validate
from headstart.heads.fitting import fit_chosen
from headstart.progress import Silent
from headstart.workflows import auditing
from headstart.workflows.recipe import Recipe

NUM, NUM_TRAIN, DIM = 240, 160, 24
WRONG_TRAIN, WRONG_TEST, STRANGE, TWIN, OTHER_TWIN = 3, 201, 7, 20, 41


@pytest.fixture(scope="module")
def run():
    """Two well-parted classes; two labels, one picture and one copy are planted."""
    random = np.random.default_rng(0)
    true = np.arange(NUM) % 2
    X = (3.0 * np.eye(2, DIM)[true] + random.normal(0, 0.3, (NUM, DIM)) + 1).astype(np.float32)
    X[STRANGE, 2:] *= -1
    X[OTHER_TWIN] = X[TWIN] + 1e-4
    given = true.copy()
    given[[WRONG_TRAIN, WRONG_TEST]] = 1 - true[[WRONG_TRAIN, WRONG_TEST]]
    groups = np.arange(NUM)
    groups[1] = groups[5]
    manifest = Manifest(
        root=Path(),
        ids=tuple(f"{i}.png" for i in range(NUM)),
        labels=tuple("ab"[k] for k in given),
        splits=("",) * NUM,
        groups=("",) * NUM,
        layout="",
    )
    train, test = np.arange(NUM_TRAIN), np.arange(NUM_TRAIN, NUM)
    fold_of = folds(given[train], groups[train], seed=0)
    candidate = Candidate("ridge", ("head",))
    taps = {"head": X[train]}
    (score,) = cross_validate([candidate], taps, given[train], groups[train], fold_of, 0, Silent())
    head = fit_chosen(candidate, taps, given[train], groups[train], score.temperature, seed=0)
    return {
        "prepared": SimpleNamespace(
            manifest=manifest,
            features=SimpleNamespace(taps={"head": X}),
            groups=groups,
            backbone=SimpleNamespace(tap_names=("early", "head")),
        ),
        "division": SimpleNamespace(
            train=train,
            test=test,
            split=SimpleNamespace(splits=("train",) * NUM_TRAIN + ("test",) * (NUM - NUM_TRAIN)),
        ),
        "compared": SimpleNamespace(best=score),
        "probabilities": head.predict_proba(X[test]),
    }


def audited(run, **settings):
    return auditing.audit(**run, recipe=Recipe(**settings), progress=Silent())


@pytest.fixture(scope="module")
def found(run):
    return audited(run)


def test_planted_wrong_labels_stand_first_in_their_split(found):
    # The picture that is filed twice has a wrong label too.
    first = sorted(found.doubted("train")[:2], key=lambda label: int(label.path[:-4]))
    assert [label.path for label in first] == [f"{WRONG_TRAIN}.png", f"{OTHER_TWIN}.png"]
    train, test = first[0], found.doubted("test")[0]
    assert (train.given, train.suggested) == ("a", "b")
    assert (test.path, test.split) == (f"{WRONG_TEST}.png", "test")
    assert train.ticked
    assert test.ticked
    assert train.agreement < 0.2
    assert found.num_images == {"train": NUM_TRAIN, "test": NUM - NUM_TRAIN}


def test_the_learning_curve_is_drawn_from_training_rows_alone(found, run):
    assert found.curve is not None
    assert found.curve.num_images == found.curve.errors.sizes[-1] == NUM_TRAIN
    features = run["prepared"].features.taps["head"].copy()
    features[run["division"].test] = 0
    blind = SimpleNamespace(
        **vars(run["prepared"]) | {"features": SimpleNamespace(taps={"head": features})}
    )
    again = audited(run | {"prepared": blind})
    assert again.curve is not None and again.curve.to_json() == found.curve.to_json()


def test_ticked_ones_come_first_then_the_least_supported(found):
    for split in ("train", "test"):
        keys = [(not label.ticked, label.score) for label in found.doubted(split)]
        assert keys == sorted(keys)


def test_the_planted_stranger_is_unlike_the_rest_and_its_label_in_doubt(found):
    assert found.unlike[0].path == f"{STRANGE}.png"
    assert f"{STRANGE}.png" in {label.path for label in found.labels}


def test_the_planted_copy_is_found_across_classes(found):
    pair = found.across_classes[0]
    assert {pair.path, pair.other_path} == {f"{TWIN}.png", f"{OTHER_TWIN}.png"}
    assert {pair.label, pair.other_label} == {"a", "b"}
    assert pair.similarity == pytest.approx(1, abs=1e-4)


def test_leakage_is_priced_where_pictures_share_a_group(run, found):
    assert found.leakage.num_with_copies == 2
    alone = SimpleNamespace(**vars(run["prepared"]) | {"groups": np.arange(NUM)})
    assert audited(run | {"prepared": alone}).leakage is None


def test_few_enough_pictures_need_no_note(found):
    assert found.notes == ()


def test_one_thread_or_two_find_the_same(run, found):
    assert audited(run, threads=1).to_json() == found.to_json()


def test_of_many_pictures_a_sample_is_compared_and_that_is_said(run, monkeypatch):
    monkeypatch.setattr(auditing, "_MOST_COMPARED", 100)
    found = audited(run)
    assert "100 drawn ones of 240" in found.notes[0]
    assert f"{WRONG_TRAIN}.png" in {label.path for label in found.ticked("train")}
    assert found.doubted("train")[0].agreement is None
    assert found.doubted("test")[0].agreement is not None


def test_a_single_picture_has_no_neighbours(run):
    train, one = np.arange(30), np.array([200])
    division = SimpleNamespace(**vars(run["division"]) | {"train": train, "test": one})
    best = run["compared"].best
    few = SimpleNamespace(
        scores=best.scores[:30],
        learnable=best.learnable[:30],
        temperature=best.temperature,
        accuracy=best.accuracy,
    )
    found = audited(
        run
        | {
            "division": division,
            "compared": SimpleNamespace(best=few),
            "probabilities": run["probabilities"][:1],
        }
    )
    assert found.num_images == {"train": 30, "test": 1}


def test_doubts_of_a_classifier_without_skill_are_not_told(run):
    best = run["compared"].best
    scores = np.zeros_like(best.scores)
    scores[:, 0] = 1  # always the same answer
    share = float((run["prepared"].manifest.class_indices[run["division"].train] == 0).mean())
    same = SimpleNamespace(**vars(best) | {"scores": scores, "accuracy": share})
    found = audited(run | {"compared": SimpleNamespace(best=same)})
    assert found.labels == () and found.curve is None
    assert "not distinguishably better than guessing" in found.notes[0]
    assert found.num_images == {"train": NUM_TRAIN, "test": NUM - NUM_TRAIN}


def test_a_curve_far_behind_what_was_chosen_says_so(run, found, monkeypatch):
    share = float(found.curve.errors.share[-1])
    monkeypatch.setattr(auditing, "_FAR_BEHIND", share)
    perfect = SimpleNamespace(**vars(run["compared"].best) | {"accuracy": 1.0})
    notes = audited(run | {"compared": SimpleNamespace(best=perfect)}).notes
    assert f"{100 * share:.0f} points behind what was chosen" in notes[-1]
    assert not any("behind" in note for note in found.notes)
