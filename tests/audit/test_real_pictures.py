"""Wrong labels that people have seen in real pictures stand at the top."""

from pathlib import Path

import pytest

from headstart.audit.label_issues import label_issues
from headstart.audit.outliers import neighbourhood, outliers
from headstart.datasets.splitting import folds
from headstart.heads.candidates import Candidate, rooted
from headstart.heads.cross_validation import cross_validate
from headstart.layers import softmax
from headstart.progress import Silent
from headstart.workflows.preparing import prepare
from headstart.workflows.recipe import Recipe

WRONG = ("cat.4085", "dog.4334", "cat.4688", "dog.4367")  # the last two are logos


@pytest.mark.slow
def test_known_wrong_labels_are_in_the_top_two_per_cent(data, cache):
    prepared = prepare(data / "cats-dogs" / "test", Recipe(), Silent())
    y, groups, taps = prepared.manifest.class_indices, prepared.groups, prepared.features.taps
    candidate = Candidate("ridge", ("head",))
    fold_of = folds(y, groups, seed=0)
    (score,) = cross_validate([candidate], taps, y, groups, fold_of, 0, Silent())
    near = neighbourhood(rooted(taps["head"]), groups)
    found = label_issues(softmax(score.scores, score.temperature), y, near)
    names = [Path(name).stem for name in prepared.manifest.ids]
    top = {names[row] for row in found.order[: len(y) // 50]}
    assert set(WRONG) <= top
    strange = [names[row] for row in outliers(near).order[:2]]
    assert sorted(strange) == ["cat.4688", "dog.4367"]
