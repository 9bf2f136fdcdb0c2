"""Which of several backbones serves these pictures best, by successive halving with probes.

A probe is ridge regression on the frozen features, judged by exact leave-one-out: it is asked of
a few pictures first, of twice as many in every further round, and of ever fewer backbones.

- The first round keeps the third with the best scores, the best by prior and the cheapest.
- After every round a backbone leaves that is worse than the leader by more than half a point, or
  dearer than the cheapest and not better than it by half a point, each with 95 % confidence.
- It ends when one is left, all pictures are used, or the time is up. Of those that no other is
  distinguishably better than, the best by prior is chosen; where a prior is not known, the most
  accurate.

Measured on training parts of three picture sets, three networks, 10 to 40 pictures a class: this
rule's choice was 0.6 points less accurate on other pictures than the best network (mean of 54);
the most accurate one's 1.4, the cheapest of those that cannot be told apart 2.5, the best by
prior without looking 0.3. So few pictures say less than the prior does: they are for vetoes.

Source: Renggli et al. 2022, "Which model to transfer? Finding the needle in the growing haystack"
(arXiv 2010.06402), for keeping the best by prior beside the best by probe; Jamieson and Talwalkar
2016, "Non-stochastic best arm identification", for the halving.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from headstart.feature_rows import Features
from headstart.heads.candidates import rooted, side_by_side
from headstart.heads.ridge import RidgeHead
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Array
from headstart.metrics.comparison import Correct, Difference, paired_difference
from headstart.randomness import generator

MARGIN = 0.005
_PER_CLASS = 20
_MOST = 1000  # pictures in the first round
# Costs are measured: what is this near is no difference, or a run would not repeat.
_AS_CHEAP = 1.25
# The lower end of a two-sided 90 % interval is passed downwards with 5 %.
_ONE_SIDED = 0.90
_SMALLEST_SHARE = 1e-6


@dataclass(frozen=True)
class Contender:
    """A backbone that could be chosen.

    Args:
        name: As the user would write it.
        seconds: Of one processor core, for one picture.
        prior: Its published accuracy; None where it is not known.
    """

    name: str
    seconds: float
    prior: float | None = None


@dataclass(frozen=True)
class Standing:
    """How a backbone did in one round.

    Args:
        name: The backbone.
        accuracy: Leave-one-out, of the better of its last tap and all its taps.
        difference_to_best: Of the accuracy to the round's best one's, with its 95 % interval,
            paired on the same pictures, positive when this one is better; None for the best.
        dropped: Why it is not asked again, in words; None if it is.
    """

    name: str
    accuracy: float
    difference_to_best: tuple[float, float, float] | None
    dropped: str | None = None


@dataclass(frozen=True)
class Round:
    """One round: the same pictures for every backbone that is still in it.

    Args:
        num_images: That it was judged on.
        standings: The best first.
    """

    num_images: int
    standings: tuple[Standing, ...]


@dataclass(frozen=True)
class BackboneChoice:
    """Which backbone was chosen, and the evidence.

    Args:
        chosen: Its name.
        why: The rule that decided, in words.
        runner_up: The best of the others in the last round; None where nothing was compared.
        difference: Accuracy of the runner-up less that of the chosen one, and its 95 % interval,
            paired on the pictures of the last round.
        contenders: All of them, in the order given.
        rounds: In order.
        refused: Name of each whose features cannot be used, and why.
        seconds: That choosing took.
    """

    chosen: str
    why: str
    contenders: tuple[Contender, ...]
    runner_up: str | None = None
    difference: tuple[float, float, float] | None = None
    rounds: tuple[Round, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the receipt."""
        record: dict[str, Any] = _rounded(asdict(self))
        difference = record.pop("difference")
        if self.runner_up is not None:
            record["runner_up"] = {"name": self.runner_up, "difference_to_chosen": difference}
        return record

    def standings(self, contender: Contender) -> tuple[Standing | None, ...]:
        """What it reached round by round; None where it was not asked."""
        return tuple(
            next((row for row in each.standings if row.name == contender.name), None)
            for each in self.rounds
        )

    def fate(self, contender: Contender) -> str:
        """What became of it, in words."""
        if contender.name == self.chosen:
            return "chosen"
        dropped = [row.dropped for row in self.standings(contender) if row and row.dropped]
        refused = self.refused.get(contender.name)
        return refused or "".join(dropped) or "not distinguishably better"

    def words(self) -> tuple[str, ...]:
        """The choice, for the console: its reason, the runner-up, a line a backbone."""
        return (f"backbone {self.chosen} is chosen: {self.why}", *self._versus(), *self._lines())

    def _versus(self) -> tuple[str, ...]:
        if self.runner_up is None or self.difference is None:
            return ()
        difference, low, high = (100 * value for value in self.difference)
        return (
            f"  runner-up {self.runner_up}: {difference:+z.1f} points "
            f"({low:+z.1f} to {high:+z.1f}) on the same {self.rounds[-1].num_images} pictures",
        )

    def _lines(self) -> tuple[str, ...]:
        lines = []
        for contender in self.contenders:
            scores = ", ".join(
                f"{100 * standing.accuracy:.1f} % of {each.num_images}"
                for each, standing in zip(self.rounds, self.standings(contender), strict=True)
                if standing
            )
            told = scores or self.refused.get(contender.name, "not compared")
            lines.append(f"  {contender.name}: {told}; {1000 * contender.seconds:.0f} ms a picture")
        return tuple(lines)


Probe = Callable[[str, Integers], Correct]
"""A backbone's name and the rows (int64 [M]) to bool [M]: which are right when left out."""


class Unfit(Exception):
    """Raised by a probe: the backbone's features cannot be used, and why."""


def choose_backbone(
    contenders: Sequence[Contender],
    y: Integers,
    groups: Integers,
    probe: Probe,
    *,
    seed: int,
    time_limit: float | None = None,
) -> BackboneChoice:
    """Choose among backbones on the training pictures.

    Args:
        contenders: At least one.
        y: int64 [N], class indices of the training pictures.
        groups: int64 [N], pictures that belong together.
        probe: Asked round by round; may raise `Unfit`.
        seed: Of the drawing of pictures, and of the resampling.
        time_limit: Seconds after which no further round begins; None: no limit.
    """
    began = time.monotonic()
    heats: list[_Heat] = []
    refused: dict[str, str] = {}
    left = tuple(contenders)
    place, per_class = places(y, groups, seed), _first_share(y)
    while len(left) > 1:
        rows = np.flatnonzero(place < per_class)
        correct, unfit = _probed(left, rows, probe)
        refused |= unfit
        left = tuple(each for each in left if each.name in correct)
        if not left:
            break
        heats.append(_Heat(left, correct, groups[rows], seed, is_first=not heats))
        left, per_class = heats[-1].staying, 2 * per_class
        is_late = time_limit is not None and time.monotonic() - began > time_limit
        if len(rows) == len(y) or is_late:
            break
    chosen, why = heats[-1].verdict if heats else _unproven(contenders)
    others = [each for each in heats[-1].ranked if each is not chosen] if heats else []
    return BackboneChoice(
        chosen=chosen.name,
        why=why,
        contenders=tuple(contenders),
        runner_up=others[0].name if others else None,
        difference=_plain(heats[-1].difference(others[0], chosen)) if others else None,
        rounds=tuple(heat.round for heat in heats),
        refused=refused,
        seconds=time.monotonic() - began,
    )


def _unproven(contenders: Sequence[Contender]) -> tuple[Contender, str]:
    if len(contenders) == 1:
        return contenders[0], "no other is at hand"
    cheapest = min(contenders, key=lambda each: each.seconds)
    return cheapest, "none could be judged, and it is the cheapest"


def _first_share(y: Integers) -> int:
    """Pictures a class in the first round; at least two, so that one is learnt from."""
    return max(2, min(_PER_CLASS, _MOST // len(np.unique(y))))


def _probed(
    contenders: Sequence[Contender], rows: Integers, probe: Probe
) -> tuple[dict[str, Correct], dict[str, str]]:
    """Each one's answers, and why some could not be asked."""
    correct, unfit = {}, {}
    for each in contenders:
        try:
            correct[each.name] = probe(each.name, rows)
        except Unfit as reason:
            unfit[each.name] = str(reason)
    return correct, unfit


def places(y: Integers, groups: Integers, seed: int) -> Integers:
    """Where each row stands in the random order of its class, int64 [N].

    The rows below any number are a sample of so many a class with groups kept whole (more where
    the last group is larger), and samples of a larger number hold those of a smaller one. A group
    of several classes counts for that of its first row.
    """
    _, first, member, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    owner = y[first]
    before = np.empty(len(first), dtype=np.int64)
    order = generator(seed, "backbone choice").permutation(len(first))
    for label in np.unique(owner):
        own = order[owner[order] == label]
        before[own] = np.cumsum(sizes[own]) - sizes[own]
    return before[member]


def left_out_correct(taps: Mapping[str, Features], y: Integers, groups: Integers) -> Correct:
    """Which rows ridge regression gets right when they (and their groups) are left out.

    Args:
        taps: float32 [N, D] by tap name, the deepest last.
        y: int64 [N], class indices.
        groups: int64 [N], rows left out together.

    Returns:
        bool [N], of the better of all taps side by side and the last one.

    Raises:
        Unfit: The features are not finite, or the same for all pictures.
    """
    names = tuple(taps)
    _must_be_sane(taps[names[-1]][:])
    _, y = np.unique(y, return_inverse=True)
    with threadpool_limits(1):  # sums would depend on the number of threads
        both = [_correct(taps, some, y, groups) for some in (names, names[-1:])]
    return max(both, key=np.count_nonzero)


def _correct(
    taps: Mapping[str, Features], names: Sequence[str], y: Integers, groups: Integers
) -> Correct:
    head = RidgeHead().fit_rows(Rows(rooted(side_by_side(taps, names))), y, groups)
    return np.asarray(head.loo_scores_.argmax(axis=1) == y)


def _must_be_sane(features: Array) -> None:
    if not np.isfinite(features).all():
        raise Unfit("its features are not finite")
    spread, size = features.var(axis=0).sum(), (features**2).mean(axis=0).sum()
    if spread <= _SMALLEST_SHARE * size:
        raise Unfit("its features are the same for all pictures")


@dataclass(frozen=True, eq=False)
class _Heat:
    """The answers of one round, and what follows from them.

    Args:
        contenders: Who was asked.
        correct: bool [M] by name, on the same rows.
        groups: int64 [M].
        seed: Of the resampling.
        is_first: Whether this round also cuts to the best third.
    """

    contenders: tuple[Contender, ...]
    correct: Mapping[str, Correct]
    groups: Integers
    seed: int
    is_first: bool

    @cached_property
    def ranked(self) -> tuple[Contender, ...]:
        """The most accurate first; of equals the cheaper."""
        return tuple(sorted(self.contenders, key=lambda c: (-self.accuracy(c), c.seconds)))

    @cached_property
    def leaving(self) -> dict[str, str]:
        """Names and reasons."""
        best, worse = self.ranked[0], {}
        for each in self.ranked[1:]:
            if self.difference(best, each, _ONE_SIDED).low > MARGIN:
                worse[each.name] = f"worse than {best.name}"
        cheapest = min(self._without(worse), key=lambda each: each.seconds)
        needless = {}
        for each in self._without(worse):
            is_dearer = each.seconds > _AS_CHEAP * cheapest.seconds
            if is_dearer and self.difference(each, cheapest, _ONE_SIDED).high < MARGIN:
                needless[each.name] = f"dearer than {cheapest.name}, and not better"
        leaving = worse | needless
        return leaving | (self._beyond_the_third(leaving) if self.is_first else {})

    @property
    def staying(self) -> tuple[Contender, ...]:
        """Who is asked again."""
        return self._without(self.leaving)

    @property
    def round(self) -> Round:
        """For the record."""
        best = self.ranked[0]
        standings = tuple(
            Standing(
                each.name,
                self.accuracy(each),
                None if each is best else _plain(self.difference(each, best)),
                self.leaving.get(each.name),
            )
            for each in self.ranked
        )
        return Round(len(self.groups), standings)

    @property
    def verdict(self) -> tuple[Contender, str]:
        """Which one, and why."""
        best = self.ranked[0]
        tied = [each for each in self.staying if self._is_unbeaten(each)]
        are_known = all(each.prior is not None for each in tied)
        chosen = max(tied, key=lambda each: each.prior or 0.0) if are_known else tied[0]
        if chosen is best:
            return chosen, "none was more accurate"
        if best.name in self.leaving:
            return chosen, f"{best.name} is dearer, and better by less than half a point"
        return chosen, (
            f"{best.name} was not distinguishably more accurate, and published figures speak for "
            "this one"
        )

    def accuracy(self, contender: Contender) -> float:
        """Share of the rows that it gets right."""
        return float(self.correct[contender.name].mean())

    def difference(self, one: Contender, other: Contender, level: float = 0.95) -> Difference:
        """Accuracy of one less that of another, paired on the rows."""
        a, b = self.correct[one.name], self.correct[other.name]
        return paired_difference(a, b, self.groups, self.seed, level)

    def _without(self, names: Mapping[str, str]) -> tuple[Contender, ...]:
        return tuple(each for each in self.ranked if each.name not in names)

    def _beyond_the_third(self, leaving: Mapping[str, str]) -> dict[str, str]:
        stay = self._without(leaving)
        kept = {each.name for each in stay[: math.ceil(len(self.contenders) / 3)]}
        kept.add(min(stay, key=lambda each: each.seconds).name)
        kept.add(max(stay, key=lambda each: each.prior or 0.0).name)
        return {each.name: "not in the best third" for each in stay if each.name not in kept}

    def _is_unbeaten(self, contender: Contender) -> bool:
        return all(
            self.difference(each, contender).low <= 0
            for each in self.staying
            if each is not contender
        )


def _plain(difference: Difference) -> tuple[float, float, float]:
    return difference.difference, difference.low, difference.high


def _rounded(value: Any) -> Any:
    """Every number of a record to six digits after the point."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value
