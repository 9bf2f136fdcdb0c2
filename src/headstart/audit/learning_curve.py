"""What more pictures would bring: accuracy against the number of training pictures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from headstart.audit.power_law import Errors, PowerLaw, fit
from headstart.errors import NotEnoughData, SettingError
from headstart.heads.ridge import RidgeHead
from headstart.heads.spectrum import Rows as FeatureRows
from headstart.metrics.intervals import Interval, percentiles
from headstart.randomness import generator

Rows = npt.NDArray[np.int64]
Job = tuple[int, Rows]

REACH = 4.0
_HALVINGS = 4
_REPEATS = 5
_MOST_ROWS = 4000
_FEWEST_ROWS = 20
_FEWEST_PER_CLASS = 3  # in the median class of the smallest subset
_LEVEL = 0.95


class Indexed(Protocol):
    """Gives rows [M, D]."""

    def __getitem__(self, rows: Rows, /) -> npt.NDArray[Any]: ...


@dataclass(frozen=True)
class Expected(Interval):
    """The accuracy to expect, with its interval.

    Args:
        times: Of the pictures there are.
        num_images: The same as a number.
        accuracy: From 0 to 1.
    """

    times: float
    num_images: int
    accuracy: float

    def text(self) -> str:
        """``"about 95 % with 3x the pictures (90–97)"``."""
        digits = 0 if self.high - self.low >= 0.05 else 1
        low, middle, high = (f"{100 * x:.{digits}f}" for x in (self.low, self.accuracy, self.high))
        return f"about {middle} % with {self.times:g}x the pictures ({low}–{high})"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "times": round(self.times, 6),
            "num_images": self.num_images,
            "accuracy": round(self.accuracy, 6),
            "interval": [round(self.low, 6), round(self.high, 6)],
        }


@dataclass(frozen=True)
class BackTest:
    """The curve's word kept: fitted with the larger sizes hidden, asked for the largest.

    Args:
        fitted_up_to: The largest size it saw.
        expected: What it said of the largest size, ``times`` that of ``fitted_up_to``.
        measured: What was measured there.
    """

    fitted_up_to: int
    expected: Expected
    measured: float

    @property
    def miss(self) -> float:
        """Expected less measured accuracy."""
        return self.expected.accuracy - self.measured

    def text(self) -> str:
        """One sentence."""
        expected = self.expected
        return (
            f"from at most {_spaced(self.fitted_up_to)} pictures it would have said "
            f"{100 * expected.accuracy:.1f} % ({100 * expected.low:.1f}–{100 * expected.high:.1f})"
            f" for {_spaced(expected.num_images)}; measured {100 * self.measured:.1f} %"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "fitted_up_to": self.fitted_up_to,
            "expected": self.expected.to_json(),
            "measured": round(self.measured, 6),
            "miss": round(self.miss, 6),
        }


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Accuracy of a ridge head on frozen features, against the pictures it learnt from.

    Args:
        num_images: N, the pictures there are.
        errors: As measured on subsets.
        law: Fitted to them.
        back_test: None where the sizes do not suffice.
    """

    num_images: int
    errors: Errors
    law: PowerLaw
    back_test: BackTest | None

    @property
    def measured(self) -> str:
        """``"89.0 % with 600 pictures"``: the largest subset.

        Also what the curve says there, where the point lies so far above that twice as many
        pictures seem to bring less.
        """
        accuracy, size = 1 - float(self.errors.share[-1]), int(self.errors.sizes[-1])
        said = f"{100 * accuracy:.1f} % with {_spaced(size)} pictures"
        here, there = (_expected(self.law, k * size, size).accuracy for k in (1, 2))
        if there >= accuracy:
            return said
        return f"{said} (in part luck: the curve through all sizes says {100 * here:.1f} %)"

    @property
    def reach(self) -> int:
        """The most pictures it foresees: four times the largest subset measured."""
        return int(REACH * self.errors.sizes[-1])

    def expect(self, times: float) -> Expected:
        """The accuracy with so many times the pictures.

        Args:
            times: From the smallest measured share of the pictures, up to 4 (less if there are
                more pictures than were measured on).

        Raises:
            SettingError: It is beyond what a curve can foresee.
        """
        size = times * self.num_images
        if not self.errors.sizes[0] <= size <= self.reach:
            low, high = (at / self.num_images for at in (self.errors.sizes[0], self.reach))
            raise SettingError(
                f"the accuracy with {times:g} times the {self.num_images} pictures was asked for",
                f"{low:.2g} to {high:.2g} times: curves say nothing reliable beyond "
                f"{REACH:g} times what was measured",
                "add pictures up to there, and look at the curve again",
            )
        return _expected(self.law, size, self.num_images)

    def to_json(self) -> dict[str, Any]:
        """The points, the law, what it foresees, and how it would have done."""
        times = [t for t in (1.0, 2.0, 3.0, 4.0) if t * self.num_images <= self.reach]
        accuracy = 1 - self.errors.share
        return {
            "num_images": self.num_images,
            "points": [
                {"num_images": size, "accuracy": round(share, 6)}
                for size, share in zip(self.errors.sizes.tolist(), accuracy.tolist(), strict=True)
            ],
            "law": {
                name: round(float(getattr(self.law, name)[0]), 6)
                for name in ("floor", "slope", "exponent")
            },
            "expected": [self.expect(t).to_json() for t in times],
            "back_test": self.back_test and self.back_test.to_json(),
        }


def learning_curve(
    X: Indexed, y: Rows, groups: Rows | None = None, *, seed: int, threads: int = 1
) -> LearningCurve:
    """Measure a ridge head on nested, stratified subsets by exact leave-one-out, and fit a law.

    Subsets are halved up to four times, five times over. Of more than 4 000 pictures, 4 000 are
    drawn.

    Args:
        X: float [N, D], or what gives its rows; best a rooted `heads.candidates.Seen`.
        y: int [N], class indices 0 to C-1, each occurring.
        groups: int [N], rows of one group are never used to judge one another.
        seed: Draws the subsets and the interval.
        threads: Subsets worked on at once; the result does not depend on it.

    Raises:
        NotEnoughData: Too few pictures for three sizes.
    """
    sizes = _sizes(y)
    members = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    jobs = list(_jobs(y, members, sizes, seed))
    wrong = np.zeros((len(sizes), int(members.max()) + 1))
    judged = np.zeros_like(wrong)
    # One thread of linear algebra each: sums would depend on their number.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        judge = partial(_wrong, X, y, None if groups is None else members)
        for (place, rows), mistakes in zip(jobs, pool.map(judge, jobs), strict=True):
            np.add.at(wrong[place], members[rows], mistakes)
            np.add.at(judged[place], members[rows], 1)
    errors = Errors(sizes, wrong, judged)
    return LearningCurve(len(y), errors, fit(errors, seed), _back_test(errors, seed))


def _sizes(y: Rows) -> Rows:
    """Numbers of rows, each half of the next."""
    most = min(len(y), _MOST_ROWS)
    sizes = np.array([most // 2**halvings for halvings in range(_HALVINGS, -1, -1)])
    per_class = np.median(np.bincount(y)) * sizes / len(y)
    sizes = sizes[(sizes >= _FEWEST_ROWS) & (per_class >= _FEWEST_PER_CLASS)]
    if len(sizes) < 3:
        raise NotEnoughData(
            f"{len(y)} pictures of {int(y.max()) + 1} classes are too few for a learning curve",
            f"{4 * _FEWEST_ROWS} pictures, and {4 * _FEWEST_PER_CLASS} in the middle class: "
            "a quarter of them must still be enough to learn from",
            "add pictures",
        )
    return sizes


def _jobs(y: Rows, members: Rows, sizes: Rows, seed: int) -> Iterator[Job]:
    """Which rows are learnt from at which size; the largest size once."""
    random = generator(seed, "nested subsets")
    for repeat in range(_REPEATS):
        order = _stratified(y, members, random)
        yield from (
            (place, order[:size])
            for place, size in enumerate(sizes)
            if repeat == 0 or place < len(sizes) - 1
        )


def _stratified(y: Rows, members: Rows, random: np.random.Generator) -> Rows:
    """The rows in a random order whose every beginning has each class's share; groups whole."""
    shuffled = random.permutation(len(y))
    # A group goes where its first row in this order does.
    _, first = np.unique(members[shuffled], return_index=True)
    head = shuffled[first]
    turn = np.empty(len(head))
    for label in np.unique(y[head]):
        own = np.flatnonzero(y[head] == label)
        own = own[np.argsort(first[own])]
        rows = np.bincount(members, minlength=len(head))[own]
        turn[own] = (np.cumsum(rows) - rows + random.random()) / rows.sum()
    return np.lexsort((members, turn[members]))


def _wrong(X: Indexed, y: Rows, members: Rows | None, job: Job) -> npt.NDArray[np.bool_]:
    """Bool [M], the rows whose answer by the head that never saw them (their group) is wrong."""
    rows = job[1]
    index = np.unique(y[rows], return_inverse=True)[1]
    own = None if members is None else members[rows]
    head = RidgeHead().fit_rows(FeatureRows(X[rows]), index, own)
    return np.asarray(head.loo_scores_.argmax(axis=1) != index)


def _back_test(errors: Errors, seed: int) -> BackTest | None:
    """From a quarter of the pictures, or from half if that leaves too few sizes."""
    largest = int(errors.sizes[-1])
    for part in (4, 2):
        seen = errors.up_to(largest // part)
        if len(seen.sizes) >= 3:
            upper = int(seen.sizes[-1])
            expected = _expected(fit(seen, seed), largest, upper)
            return BackTest(upper, expected, float(1 - errors.share[-1]))
    return None


def _expected(law: PowerLaw, size: float, num_images: int) -> Expected:
    accuracy = 1 - law.errors(size)
    low, high = percentiles(accuracy[1:], _LEVEL)
    best = float(accuracy[0])
    return Expected(
        low=min(low, best),
        high=max(high, best),
        level=_LEVEL,
        method="bayesian bootstrap",
        times=size / num_images,
        num_images=round(size),
        accuracy=best,
    )


def _spaced(number: int) -> str:
    """As `datasets.manifest.with_spaces`, which arrays know nothing of."""
    return f"{number:,}".replace(",", "\u202f")
