"""Where a dataset lies on the size-similarity matrix, and what follows: rule beside evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headstart.strategy.expectation import Expectation
from headstart.strategy.fitness import ALL_TAPS, Fitness
from headstart.strategy.ladder import rung_name
from headstart.strategy.rules import LARGE, Advice, Strategy, advice_for, quadrant_of
from headstart.strategy.similarity import Similarity


@dataclass(frozen=True)
class Size:
    """How many training pictures there are.

    Args:
        num_images: Pictures.
        num_independent: Sets of copies and group mates count once.
        num_classes: Classes.
        smallest, largest: Pictures of the smallest and the largest class.
    """

    num_images: int
    num_independent: int
    num_classes: int
    smallest: int
    largest: int

    @property
    def per_class(self) -> float:
        """Mean number of independent pictures a class."""
        return self.num_independent / self.num_classes

    @property
    def is_large(self) -> bool:
        """By the literature's line, a thousand a class."""
        return self.per_class >= LARGE

    @property
    def words(self) -> str:
        """One line."""
        apart = self.num_independent != self.num_images
        counted = f" ({self.num_independent} independent ones)" if apart else ""
        spread = f", {self.smallest} to {self.largest}" if self.smallest != self.largest else ""
        return (
            f"{'large' if self.is_large else 'small'}: {self.num_images} training pictures"
            f"{counted}, {self.per_class:.0f} a class{spread}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "per_class": round(self.per_class, 2)}


@dataclass(frozen=True, eq=False)
class Matrix:
    """Where the training pictures lie, what the books advise, what the evidence advises.

    Args:
        size: Of the training part.
        similarity: To the backbone's pretraining; None where it cannot be measured.
        fitness: Of frozen features for these labels.
        expectation: What adapting the backbone may bring.
        accuracy: Of the best frozen candidate, without the luck of having been chosen; None: none
            was compared, and the best depth stands for it.
        first_rung: What would be trained first; None: nothing, the network is to stay frozen.
        trial_seconds: What its trial may take on this machine, all folds.
    """

    size: Size
    similarity: Similarity | None
    fitness: Fitness
    expectation: Expectation
    accuracy: float | None = None
    first_rung: str | None = None
    trial_seconds: float = 0.0

    @property
    def is_similar(self) -> bool | None:
        """Whether the pictures are like those of the pretraining; None if not known."""
        return None if self.similarity is None else self.similarity.is_similar

    @property
    def quadrant(self) -> int | None:
        """1 to 4; None where the similarity is not known."""
        similar = self.is_similar
        return None if similar is None else quadrant_of(self.size.per_class, similar)

    @property
    def advice(self) -> tuple[Advice, ...]:
        """Of the books; empty where the similarity is not known."""
        return () if self.quadrant is None else advice_for(self.quadrant)

    @property
    def rungs(self) -> tuple[str, ...]:
        """What may be trained where nothing else is asked for, from the cheapest to the dearest.

        Where the last layers clearly serve the pictures less, or the network learned from others,
        it begins deeper.
        """
        deeper = self.is_similar is False or self.fitness.is_earlier_better
        return ("top2", "top3", "all") if deeper else ("top1", "top2", "all")

    @property
    def trial_words(self) -> str:
        """What a trial of the first rung takes; empty where there is none."""
        if self.first_rung is None:
            return ""
        minutes = self.trial_seconds / 60
        spent = f"{minutes:.0f} minutes" if minutes >= 2 else f"{self.trial_seconds:.0f} s"
        return f"of the {rung_name(self.first_rung)}: up to {spent} on this machine"

    @property
    def evidence(self) -> tuple[Strategy, str]:
        """What the evidence advises before anything is tuned, and the reason."""
        where = f"frozen features reach {self._reached}"
        head = (
            f"; {self.fitness.best_single.name} serves better than the last layer"
            if self.fitness.is_earlier_better and self.expectation.tells_apart
            else ""
        )
        if self.expectation.is_worth_trying:
            return "partial", f"{where}{head}; worth a trial: {self.expectation.words}"
        return "freeze", f"{where}{head}; {self.expectation.words}"

    @property
    def _reached(self) -> str:
        if self.accuracy is not None:
            return f"{100 * self.accuracy:.1f} % (the chosen head, held out)"
        best = max(reversed(self.fitness.depths), key=lambda depth: depth.accuracy)
        return f"{100 * best.accuracy:.1f} % ({_named(best.name)})"

    def lines(self, is_asked_for: bool = False) -> tuple[str, ...]:
        """What a person reads.

        Args:
            is_asked_for: Whether a person asked for a trial.
        """
        similarity = self.similarity.words if self.similarity else UNMEASURED
        strategy, reason = self.evidence
        books = [f"{a.guide}: {a.place}, {a.words}" for a in self.advice] or self._either()
        looks = self.similarity.looks_like if self.similarity else ()
        worth = is_asked_for or self.expectation.is_worth_trying
        unasked = "" if worth else "; none is made unless asked for (--strategy partial)"
        seen = ", ".join(f"{name} {100 * share:.0f} %" for name, share in looks[:3])
        return (
            f"size        {self.size.words}",
            f"similarity  {similarity}",
            *([f"            to ImageNet's eyes: {seen}"] if seen else []),
            f"fitness     {self._depths()}",
            *(f"the books   {line}" for line in books),
            f"evidence    {ADVICE[strategy]}: {reason}",
            *self._disagreement(),
            *([f"a trial     {self.trial_words}{unasked}"] if self.trial_words else []),
        )

    def _either(self) -> list[str]:
        """What the books say of so many pictures, whichever way the similarity would come out."""
        near, far = (advice_for(quadrant_of(self.size.per_class, like)) for like in (True, False))
        return [
            f"{a.guide}: if similar {a.place}, {a.words}; if different {b.place}, {b.words}"
            for a, b in zip(near, far, strict=True)
        ]

    def _depths(self) -> str:
        parts = [
            f"{d.name} {100 * d.accuracy:.1f} % "
            f"({100 * d.interval.low:.0f}–{100 * d.interval.high:.0f})"
            for d in self.fitness.depths
        ]
        return f"{' · '.join(parts)} · 10 nearest {100 * self.fitness.neighbours:.1f} %"

    def _disagreement(self) -> list[str]:
        others = [advice for advice in self.advice if self.differs_from(advice)]
        if not others:
            return []
        is_same = all(advice.strategy == self.evidence[0] for advice in others)
        where = " in the layers that the head sees" if is_same else ""
        guides = " and the ".join(advice.guide for advice in others)
        return [f"            this differs from the {guides}{where}"]

    def differs_from(self, advice: Advice) -> bool:
        """Whether the evidence advises another strategy, or a head on other layers."""
        strategy, _ = self.evidence
        other_layers = strategy == "freeze" and advice.earlier != self.fitness.is_earlier_better
        return advice.strategy != strategy or other_layers

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        strategy, reason = self.evidence
        return {
            "size": self.size.to_json(),
            "similarity": None if self.similarity is None else self.similarity.to_json(),
            "fitness": self.fitness.to_json(),
            "quadrant": self.quadrant,
            "advice": [advice.to_json() for advice in self.advice],
            "expectation": self.expectation.to_json(),
            "evidence": {"strategy": strategy, "reason": reason},
            "first_rung": self.first_rung,
            "trial_seconds": self.trial_seconds,
        }


UNMEASURED = (
    "cannot be measured (fewer than 8 pictures, random weights, or a network with neither batch "
    "norm nor a linear classifier)"
)

ADVICE: dict[Strategy, str] = {
    "freeze": "keep the network frozen",
    "partial": "try to adapt the last blocks",
    "full": "train the whole network",
    "scratch": "train from scratch",
}


def _named(tap: str) -> str:
    return tap if tap == ALL_TAPS else f"tap {tap}"
