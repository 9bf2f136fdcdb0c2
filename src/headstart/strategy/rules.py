"""What the books advise: the size-similarity matrix and the four-case table.

Rules of thumb, printed beside the evidence and never obeyed: on nine picture sets of thirty
pictures a class, tuning the last stages changed accuracy by between +6.8 and -8.3 points, and the
sets that gained most and lost most lay in the same quadrant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

# "Large" in the literature is a thousand pictures a class.
LARGE = 1000

Strategy = Literal["freeze", "partial", "full", "scratch"]


@dataclass(frozen=True)
class Advice:
    """What one guide says about one place in the matrix.

    Args:
        guide: Which guide.
        place: Its name for the place, for example ``"quadrant 4"``.
        words: What it says.
        strategy: The same as one of our words.
        earlier: Whether it asks for features of a layer before the last.
    """

    guide: str
    place: str
    words: str
    strategy: Strategy
    earlier: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))


QUADRANTS = {
    1: Advice("decision map", "quadrant 1", "train the entire model", "full"),
    2: Advice("decision map", "quadrant 2", "train the top layers, freeze the others", "partial"),
    3: Advice(
        "decision map",
        "quadrant 3",
        "train some layers, more of them than for similar data, with augmentation",
        "partial",
    ),
    4: Advice("decision map", "quadrant 4", "freeze the network, train a new head", "freeze"),
}
CASES = {
    1: Advice("four-case table", "case 1", "a new head on the frozen network", "freeze"),
    2: Advice("four-case table", "case 2", "start from the weights, retrain all layers", "full"),
    3: Advice("four-case table", "case 3", "a new head on lower-level features", "freeze", True),
    4: Advice("four-case table", "case 4", "train from scratch", "scratch"),
}


def quadrant_of(pictures_per_class: float, is_similar: bool) -> int:
    """The number of the quadrant: 1 large, different; 2 large, similar; 3 small, different; 4.

    Args:
        pictures_per_class: Mean number, copies counted once.
        is_similar: Whether they are like the pictures of the pretraining.

    Source:
        Marcelino 2018, "Transfer learning from pre-trained models" (the size-similarity matrix).
    """
    if pictures_per_class >= LARGE:
        return 2 if is_similar else 1
    return 4 if is_similar else 3


def advice_for(quadrant: int) -> tuple[Advice, Advice]:
    """What the decision map and the four-case table say about a quadrant.

    Source:
        Marcelino 2018; the four cases: Karpathy et al., CS231n notes, "Transfer learning".
    """
    case = {1: 4, 2: 2, 3: 3, 4: 1}[quadrant]
    return QUADRANTS[quadrant], CASES[case]
