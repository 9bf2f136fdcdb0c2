"""Leakage: planted copies are priced, and nothing is priced where there are none."""

import json

import numpy as np

from headstart.audit.leakage import leakage_price
from headstart.heads.ridge import RidgeHead
from headstart.metrics.comparison import paired_difference


def answers(copies, seed=0):
    """Right or wrong by leave-one-out and by leave-group-out; half of 300 pictures copied."""
    random = np.random.default_rng(seed)
    y = np.arange(300) % 3
    X = random.normal(size=(300, 60))
    X[:, :3] += np.eye(3)[y]
    rows = np.concatenate([np.arange(300), np.arange(150 if copies else 0)])
    X, y = X[rows] + 1e-3 * random.normal(size=(len(rows), 60)), y[rows]
    plain = RidgeHead().fit(X, y).loo_scores_.argmax(axis=1) == y
    grouped = RidgeHead().fit(X, y, groups=rows).loo_scores_.argmax(axis=1) == y
    return plain, grouped, rows


def test_planted_copies_have_a_price():
    plain, grouped, groups = answers(copies=True)
    found = leakage_price(plain, grouped, groups)
    assert found.num_with_copies == 300
    assert found.random_split == plain.mean()
    assert found.kept_together == grouped.mean()
    assert found.shown
    assert found.difference.difference > 0.05
    assert found.difference == paired_difference(plain, grouped, groups)
    assert "points were leakage" in found.text()


def test_no_copies_no_price():
    plain, grouped, groups = answers(copies=False)
    found = leakage_price(plain, grouped, groups)
    assert found.num_with_copies == 0
    assert found.difference.difference == 0
    assert not found.shown
    assert "no leakage" in found.text()


def test_words():
    plain = np.arange(1000) < 971
    grouped = np.arange(1000) < 914
    text = leakage_price(plain, grouped, np.arange(1000)).text()
    assert text.startswith(
        "random split 97.1 %, copies kept together 91.4 %: 5.7 points were leakage ("
    )


def test_json_is_plain():
    found = leakage_price(*answers(copies=True))
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["shown"] is True
    assert plain["interval"][0] < plain["difference"] < plain["interval"][1]
