"""What the audit of a run found, with names: for the console, the receipt, the tables, the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from headstart.audit.leakage import LeakagePrice
from headstart.audit.learning_curve import Expected, LearningCurve

MOST_ROWS = 100  # of each kind in the receipt; the tables have all
_NAMED = 3
_TIMES = (2.0, 4.0)
_MORE = "more pictures, by ridge regression on the last features"


@dataclass(frozen=True)
class DoubtedLabel:
    """A label that another class fits better, or whose picture is unlike the rest.

    Args:
        path: As the user would write it.
        split: ``"train"`` or ``"test"``.
        given: The class it is filed under.
        suggested: The most probable class; the given one where only the picture is strange.
        self_confidence: Probability of the given class, by a head that did not learn from it.
        score: How well the label is supported, from 0 (not at all) to 1.
        ticked: Likely wrong by confident learning.
        agreement: Share of the ten nearest pictures with the same label; None: not compared.
    """

    path: str
    split: str
    given: str
    suggested: str
    self_confidence: float
    score: float
    ticked: bool
    agreement: float | None

    @property
    def words(self) -> str:
        """``"pets/1.jpg (cat; dog?)"``."""
        other = "unlike the rest" if self.suggested == self.given else f"{self.suggested}?"
        return f"{self.path} ({self.given}; {other})"


@dataclass(frozen=True)
class UnlikePicture:
    """A picture too far from all others of its split to be chance.

    Args:
        path, split, label: As in `DoubtedLabel`.
        distance: Mean cosine distance to its ten nearest.
        expected: How many pictures would be so far by chance.
    """

    path: str
    split: str
    label: str
    distance: float
    expected: float


@dataclass(frozen=True)
class LookAlikes:
    """Two files that are one picture to the network.

    Args:
        path, label, split: Of the one.
        other_path, other_label, other_split: Of the other.
        similarity: Cosine of their features.
    """

    path: str
    label: str
    split: str
    other_path: str
    other_label: str
    other_split: str
    similarity: float

    @property
    def across_classes(self) -> bool:
        """Filed under two classes: one of them must be wrong."""
        return self.label != self.other_label

    @property
    def perhaps_leaked(self) -> bool:
        """Of one class, one to learn from and one to judge by: a copy that was not known as one."""
        return not self.across_classes and {self.split, self.other_split} == {"train", "test"}

    @property
    def words(self) -> str:
        """``"a.jpg (cat) and b.jpg (dog)"``."""
        return f"{self.path} ({self.label}) and {self.other_path} ({self.other_label})"


@dataclass(frozen=True, eq=False)
class Audit:
    """What the features of a run say about its pictures and labels.

    Args:
        num_images: How many labels of each split were looked at.
        labels: Labels in doubt, the ticked ones first, then the least supported.
        unlike: Pictures unlike the rest, the least expected first.
        look_alikes: Those of different classes first, then the most alike.
        leakage: What keeping copies and group mates together is worth; None: there are none.
        curve: None where there are too few pictures for one.
        notes: What was not looked at, in words.
    """

    num_images: dict[str, int]
    labels: tuple[DoubtedLabel, ...]
    unlike: tuple[UnlikePicture, ...]
    look_alikes: tuple[LookAlikes, ...]
    leakage: LeakagePrice | None
    curve: LearningCurve | None
    notes: tuple[str, ...] = ()

    def doubted(self, split: str) -> tuple[DoubtedLabel, ...]:
        """Of one split."""
        return tuple(label for label in self.labels if label.split == split)

    def ticked(self, split: str) -> tuple[DoubtedLabel, ...]:
        """Of one split, those likely wrong."""
        return tuple(label for label in self.doubted(split) if label.ticked)

    @property
    def across_classes(self) -> tuple[LookAlikes, ...]:
        """Look-alikes that are filed in different classes."""
        return tuple(pair for pair in self.look_alikes if pair.across_classes)

    @property
    def perhaps_leaked(self) -> tuple[LookAlikes, ...]:
        """Look-alikes of one class, one of them to learn from and the other to judge by."""
        return tuple(pair for pair in self.look_alikes if pair.perhaps_leaked)

    @property
    def told(self) -> tuple[LookAlikes, ...]:
        """Those that a person should look at: of two classes, and of training and test."""
        return (*self.across_classes, *self.perhaps_leaked)

    @property
    def expected(self) -> tuple[Expected, ...]:
        """With twice and four times the pictures, as far as can be foreseen."""
        curve = self.curve
        if curve is None:
            return ()
        return tuple(curve.expect(t) for t in _TIMES if t * curve.num_images <= curve.reach)

    @property
    def outlook(self) -> str:
        """What more pictures would bring, and how well that is known; may be empty."""
        if self.curve is None or not self.expected:
            return ""
        said = ", ".join([self.curve.measured, *(expected.text() for expected in self.expected)])
        test = self.curve.back_test
        return f"{said}; {test.text()}" if test else said

    def lines(self) -> tuple[str, ...]:
        """The most important of it, for the console."""
        look_alikes = [pair.words for pair in self.across_classes]
        leaked = [f"{pair.path} and {pair.other_path}" for pair in self.perhaps_leaked]
        return (
            *self._labels_in_doubt("train", "training"),
            *self._labels_in_doubt("test", "test"),
            *_line("pictures unlike the rest", [picture.path for picture in self.unlike]),
            *_line("look-alikes filed in different classes", look_alikes),
            *_line("test pictures much like one of training, not counted as copies", leaked),
            *([f"leakage: {self.leakage.text()}"] if self.leakage and self.leakage.shown else []),
            *([f"{_MORE}: {self.outlook}"] if self.outlook else []),
            *self.notes,
        )

    def _labels_in_doubt(self, split: str, word: str) -> list[str]:
        what = f"{word} labels that may be wrong, of {self.num_images[split]}"
        return _line(what, [label.words for label in self.ticked(split)])

    def to_json(self) -> dict[str, Any]:
        """Plain values; at most the first hundred rows of each kind."""
        return {
            "labels": {split: self._labels_to_json(split) for split in self.num_images},
            "unlike": {
                "num_unlike": len(self.unlike),
                "rows": [asdict(picture) for picture in self.unlike[:MOST_ROWS]],
            },
            "look_alikes": {
                "num_pairs": len(self.look_alikes),
                "num_across_classes": len(self.across_classes),
                "num_perhaps_leaked": len(self.perhaps_leaked),
                "rows": [asdict(pair) for pair in self.look_alikes[:MOST_ROWS]],
            },
            "leakage": self.leakage and self.leakage.to_json(),
            "learning_curve": self.curve and self.curve.to_json(),
            "notes": list(self.notes),
        }

    def _labels_to_json(self, split: str) -> dict[str, Any]:
        doubted = self.doubted(split)
        return {
            "num_images": self.num_images[split],
            "num_doubted": len(doubted),
            "num_ticked": len(self.ticked(split)),
            "rows": [asdict(label) for label in doubted[:MOST_ROWS]],
        }


def _line(what: str, named: Sequence[str]) -> list[str]:
    if not named:
        return []
    return [f"{what}: {len(named)}; first: {', '.join(named[:_NAMED])}"]
