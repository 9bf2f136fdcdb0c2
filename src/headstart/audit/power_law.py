"""Error as a power law of the number of pictures, with draws of what else it could be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.randomness import generator

Floats = npt.NDArray[np.float64]

_EXPONENTS = np.linspace(-1.0, -0.1, 37)
_PRIOR_CENTRE = -0.5
_PRIOR_SPREAD = 0.2
_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors counted at several sizes, by group.

    Args:
        sizes: int64 [S], numbers of pictures learnt from, rising.
        wrong: float64 [S, G], wrong answers at each size, on pictures of each group.
        judged: float64 [S, G], answers.
    """

    sizes: npt.NDArray[np.int64]
    wrong: Floats
    judged: Floats

    @property
    def share(self) -> Floats:
        """float64 [S]."""
        return np.asarray(self.wrong.sum(axis=1) / self.judged.sum(axis=1))

    def up_to(self, size: float) -> Errors:
        """The smaller sizes."""
        kept = self.sizes <= size
        return Errors(self.sizes[kept], self.wrong[kept], self.judged[kept])


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """``error(n) = floor + slope * n ** exponent``; each float64 [B], the best fit first."""

    floor: Floats
    slope: Floats
    exponent: Floats

    def errors(self, size: float) -> Floats:
        """float64 [B], the error at a number of pictures."""
        return np.asarray(np.minimum(1.0, self.floor + self.slope * size**self.exponent))


def fit(errors: Errors, seed: int) -> PowerLaw:
    """The best law, and draws of the laws that fit nearly as well.

    Weighted least squares, a size weighing as many binomial answers as different pictures were
    judged at it; the exponent lies in [-1, -0.1] and is pulled to -0.5, floor and slope are not
    negative. For the draws, groups get random weights (Bayesian bootstrap) and the pull a random
    centre, so that they spread as far as data and prior leave open.

    Args:
        errors: At three sizes or more.
        seed: Of the draws.

    Source:
        Hoiem et al. 2021, "Learning curves for analysis of deep networks" (the law, and -0.5
        where there are few points); Rubin 1981, "The Bayesian bootstrap".
    """
    random = generator(seed, "learning curve")
    wrong, judged = _resampled(errors, random)
    different = (errors.judged > 0).sum(axis=1)
    # One wrong picture more and one less: no size is without doubt.
    doubtful = (errors.share * different + 0.5) / (different + 1)
    precision = different / (doubtful * (1 - doubtful))
    centres = np.append(_PRIOR_CENTRE, random.normal(_PRIOR_CENTRE, _PRIOR_SPREAD, _DRAWS))
    return _least_squares(errors.sizes, wrong / judged, precision, centres)


def _resampled(errors: Errors, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Wrong answers and answers, float64 [1 + draws, S]; first as they are.

    Each draw has half a right and half a wrong picture more (Jeffreys' prior): many right answers
    do not show that no wrong one will come.
    """
    weights = random.exponential(size=(_DRAWS, errors.wrong.shape[1]))
    extra = random.gamma(0.5, size=(2, _DRAWS, 1)) * errors.judged.mean(axis=1)
    wrong = np.vstack([errors.wrong.sum(axis=1), weights @ errors.wrong.T + extra[0]])
    judged = np.vstack([errors.judged.sum(axis=1), weights @ errors.judged.T + extra.sum(axis=0)])
    return wrong, judged


def _least_squares(
    sizes: npt.NDArray[Any], shares: Floats, precision: Floats, centres: Floats
) -> PowerLaw:
    """The law of each row of ``shares`` [B, S]: for every exponent the best line, then the best."""
    powers = sizes ** _EXPONENTS[:, None]
    floor, slope = _lines(powers, shares, precision)
    residuals = shares[:, None] - floor[..., None] - slope[..., None] * powers
    losses = (precision * residuals**2).sum(axis=2)
    losses += ((_EXPONENTS - centres[:, None]) / _PRIOR_SPREAD) ** 2
    best = (np.arange(len(shares)), losses.argmin(axis=1))
    return PowerLaw(floor[best], slope[best], _EXPONENTS[best[1]])


def _lines(x: Floats, shares: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Weighted least squares without negative terms: intercepts and slopes, float64 [B, E]."""
    total = precision.sum()
    mean_x = x @ precision / total
    mean_y = (shares @ precision / total)[:, None]
    spread = ((x - mean_x[:, None]) ** 2) @ precision
    slope = ((shares - mean_y) * precision) @ (x - mean_x[:, None]).T / spread
    slope = np.maximum(slope, 0.0)
    floor = mean_y - slope * mean_x
    through_zero = (shares * precision) @ x.T / (x**2 @ precision)
    return np.maximum(floor, 0.0), np.where(floor < 0, through_zero, slope)
