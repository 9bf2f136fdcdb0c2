"""How good weights are on rows that did not teach them, and how far to go from the first ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from headstart.finetuning.learner import Learner, Weights, mixture
from headstart.heads.calibration import fit_temperature, row_losses

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
# The share that does well on most pictures, and how much it counts: nats times rows, and at most.
_USUAL = 0.625
_PULL, _STRONGEST = 4.0, 0.5


def judged_losses(
    scores: npt.NDArray[np.float32], y: Integers, weight_of_class: Tensor | None = None
) -> Floats:
    """float64 [N], log losses under the temperature that suits these scores.

    Fine-tuned scores are too sure of themselves; that is mended afterwards by one temperature, so
    it must not decide here.

    Args:
        scores: float32 [N, C].
        y: int [N], class indices.
        weight_of_class: float32 [C]; None: all the same.
    """
    losses = row_losses(scores, y, fit_temperature(scores, y))
    return losses if weight_of_class is None else losses * weight_of_class.cpu().numpy()[y]


def chosen_share(
    learner: Learner,
    initial: Weights,
    tuned: Weights,
    rows: Integers,
    y: Integers,
    alphas: Sequence[float] = ALPHAS,
) -> tuple[float, dict[str, float]]:
    """The share of the tuned weights, in the mean with the initial ones, that does best.

    A handful of rows says little of that, so the shares are drawn towards the usual one
    (`preferred_share`). With 10 to 100 pictures a class (seven sets, 34 trainings of the last
    blocks, before the pull had a limit) that was worth 0.4 points and 1.6 % of the log loss.

    Args:
        learner: Is left with other weights.
        initial: One end.
        tuned: The other.
        rows: Validation rows; without any the largest share is taken.
        y: int, their classes.
        alphas: To choose from, in rising order.

    Returns:
        The share, and the log loss of each.

    Source:
        Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv 2109.01903.
    """
    losses = {}
    for alpha in alphas:
        learner.take(mixture(initial, tuned, alpha))
        if len(rows):
            scores = learner.answers(rows.tolist())
            losses[alpha] = float(judged_losses(scores, y).mean())
    best = preferred_share(losses, len(rows)) if losses else alphas[-1]
    return best, {f"{alpha:g}": loss for alpha, loss in losses.items()}


def preferred_share(losses: Mapping[float, float], num_rows: int) -> float:
    """The share with the lowest loss over so many rows, drawn towards the usual one.

    ``min(4 / rows, 1/2) * (share - 5/8)**2`` nats are added: what is clearly worse is never kept.
    """
    pull = min(_PULL / num_rows, _STRONGEST)
    return min(losses, key=lambda share: losses[share] + pull * (share - _USUAL) ** 2)
