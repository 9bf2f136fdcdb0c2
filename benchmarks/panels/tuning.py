"""The rungs above the frozen one: the one that `headstart fit` takes, and the truth of each."""

from __future__ import annotations

import time

import numpy as np

from headstart.layers import Array
from headstart.progress import Progress
from headstart.workflows import adapting
from headstart.workflows.training import final_of
from headstart.workflows.trial import Trial
from panels.cells import Drawn, Rung
from panels.coverage import Stated


def climbed(drawn: Drawn, rungs: str, progress: Progress) -> tuple[Rung | None, Stated, list[Rung]]:
    """Climb as `headstart fit` does; then train every rung, whatever became of it.

    Args:
        drawn: The cell.
        rungs: ``"partial"``: the last blocks only; ``"all"``: the whole network too.
        progress: Told what fine-tuning tells.

    Returns:
        The rung that was taken, None for frozen; the claim about what is delivered; all rungs,
        from the cheapest to the dearest.
    """
    parts = (drawn.prepared, drawn.division, drawn.compared)
    adapted = adapting.adapt(*parts, drawn.matrix, drawn.recipe, progress)
    claim = Stated.of(*final_of(*parts, adapted, drawn.recipe).corrected)
    taken = adapted.tuning.train_from if adapted.tuning else None
    trial = Trial(*parts, drawn.recipe, progress)
    trained = {
        name: _taken(drawn, adapted) if name == taken else _trained(drawn, name, trial)
        for name in adapting.rungs_for(drawn.recipe, drawn.matrix)
        if name == taken or rungs == "all" or name.startswith("top")
    }
    return trained[taken] if taken else None, claim, list(trained.values())


def _taken(drawn: Drawn, adapted: adapting.Adapted) -> Rung:
    assert adapted.tuned is not None and adapted.tuning is not None
    assert adapted.climb.best is not None
    return _rung(
        drawn,
        adapted.tuning.train_from,
        adapted.climb.best.rung.strategy,
        _scores(drawn, adapted),
        adapted.tuned.seconds,
    )


def _scores(drawn: Drawn, adapted: adapting.Adapted) -> Array:
    """Of the test pictures, by what is delivered: the tuned network, or it and the frozen one."""
    assert adapted.head is not None and adapted.features is not None
    features = adapted.features.joined(adapted.taps, drawn.division.test)
    return adapted.head.predict_proba(features)


def _trained(drawn: Drawn, name: str, trial: Trial) -> Rung:
    """A rung trained on all training pictures of the cell."""
    began = time.monotonic()
    rows, test = drawn.division.train, drawn.division.test
    tuned = trial.train(trial.tuning(name, rows), rows, test)
    strategy = trial.rung(name).strategy
    return _rung(drawn, name, strategy, tuned.scores, time.monotonic() - began)


def _rung(drawn: Drawn, name: str, strategy: str, scores: Array, seconds: float) -> Rung:
    correct = np.asarray(scores.argmax(axis=1) == drawn.y[drawn.division.test])
    return Rung(name, strategy, correct, seconds)
