"""The recipe: every setting of one fine-tuning, and the defaults of each rung."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from headstart.errors import SettingError
from headstart.finetuning.presets import augmentation_of

_TRAIN_FROM = re.compile(r"top[1-9]\d*|stage[1-9]\d*|affine|all|scratch")

_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": ("adamw", "sgd", "rmsprop"),
    "schedule": ("cosine", "one-cycle", "constant"),
    "average": ("none", "ema", "epochs"),
    "class_weights": ("none", "balanced"),
    "autocast": ("auto", "f32", "bf16", "f16"),
    "start": ("probe", "zeros"),
}

# name: (lowest, highest, whole number?)
_RANGES: dict[str, tuple[float, float, bool]] = {
    "epochs": (1, 10_000, True),
    "steps_per_epoch": (1, 1_000_000, True),
    "frozen_epochs": (0, 9_999, True),
    "batch_size": (2, 4096, True),
    "learning_rate": (1e-8, 10, False),
    "head_learning_rate": (1e-8, 10, False),
    "layer_decay": (0.01, 1, False),
    "weight_decay": (0, 1, False),
    "warmup": (0, 0.9, False),
    "clip": (0, 1e6, False),
    "label_smoothing": (0, 0.9, False),
    "mixup": (0, 10, False),
    "cutmix": (0, 10, False),
    "dropout": (0, 0.9, False),
    "views": (1, 64, True),
    "patience": (0, 10_000, True),
    "alpha": (0, 1, False),
}
_MAY_BE_NONE = ("alpha", "steps_per_epoch")


@dataclass(frozen=True)
class Tuning:
    """All settings of one fine-tuning. `Tuning.of` fills in a rung's defaults.

    Args:
        train_from: What learns, besides the head: ``"top1"``, ``"top2"``, ... the last stages;
            ``"stage5"`` this stage and all after it; ``"affine"`` scale and shift of every
            normalisation; ``"all"``; ``"scratch"`` all, from random weights.
        epochs: How often the training is judged; without ``steps_per_epoch`` also how often every
            picture is seen.
        steps_per_epoch: Steps of an epoch; None: every picture once.
        frozen_epochs: The first of the epochs, in which only the head learns; what else learns
            joins it afterwards, the schedule beginning anew.
        start: The head at the start: ``"probe"``, fitted on the frozen features; ``"zeros"``, one
            that knows nothing (so it is from scratch in any case).
        batch_size: Pictures a step.
        learning_rate: Of the last stage that learns; the peak of the schedule.
        head_learning_rate: Of the head.
        layer_decay: Each stage nearer to the pixels learns so many times as fast as the next.
        weight_decay: Of weights; not of biases, scales and shifts.
        optimizer: ``"adamw"``, ``"sgd"`` (momentum 0.9, Nesterov) or ``"rmsprop"``.
        schedule: ``"cosine"``, ``"one-cycle"`` or ``"constant"``, after the warm-up.
        warmup: Share of the steps in which the rate rises from 0.
        clip: Longest gradient; 0: any.
        label_smoothing: Share of the label spread over all classes.
        mixup: Parameter of the Beta distribution that two pictures are mixed by; 0: never.
        cutmix: Likewise, of the rectangle that one gets from another; 0: never.
        dropout: Of the features before the head.
        class_weights: ``"balanced"``: a picture counts by the inverse frequency of its class.
        augmentation: A preset, settings of `Augmentation`, or both (``"light,rotation=40"``), as
            `presets.augmentation_of` reads them.
        mirror: False: its mirrored views are left out (digits, text).
        rooted: Whether the head sees every feature's square root, as heads on frozen features do
            (`heads.candidates.rooted`); one that starts from zeros sees them as they are.
        views: Augmented views of a picture kept on disk for the partial rungs, the plain one
            among them; the other rungs draw a new view each time.
        average: ``"ema"``: weights averaged over about the last epoch; ``"epochs"``: over the ends
            of the last third of the epochs.
        patience: Training ends after so many epochs in a row that were clearly worse than the
            best; 0: never.
        alpha: Share of the tuned weights in the mean with the initial ones; None: chosen.
        autocast: Of products, where torch deems fewer bits safe: ``"f32"``, ``"bf16"``,
            ``"f16"``; ``"auto"``: float32; on CUDA bfloat16 where the card has it, else float16
            with scaled losses.

    Raises:
        SettingError: A value that cannot be.
    """

    train_from: str
    epochs: int = 8
    steps_per_epoch: int | None = None
    frozen_epochs: int = 0
    start: str = "probe"
    batch_size: int = 32
    learning_rate: float = 3e-4
    head_learning_rate: float = 3e-4
    layer_decay: float = 0.8
    weight_decay: float = 0.05
    optimizer: str = "adamw"
    schedule: str = "cosine"
    warmup: float = 0.1
    clip: float = 1.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    dropout: float = 0.2
    class_weights: str = "none"
    augmentation: str | dict[str, Any] = "light"
    mirror: bool = True
    rooted: bool = True
    views: int = 8
    average: str = "none"
    patience: int = 4
    alpha: float | None = None
    autocast: str = "auto"

    def __post_init__(self) -> None:
        _must_be_a_rung(self.train_from)
        for name, words in _CHOICES.items():
            if getattr(self, name) not in words:
                raise _wrong(name, getattr(self, name), f"one of {', '.join(words)}")
        for name, (lowest, highest, whole) in _RANGES.items():
            value = getattr(self, name)
            if not (value is None and name in _MAY_BE_NONE):
                _must_lie_in(name, value, lowest, highest, whole)
        if self.frozen_epochs >= self.epochs:
            fewer = f"fewer than the {self.epochs} epochs, which they are among"
            raise _wrong("frozen_epochs", self.frozen_epochs, fewer)
        augmentation_of(self.augmentation)
        for name in ("mirror", "rooted"):
            if not isinstance(getattr(self, name), bool):
                raise _wrong(name, getattr(self, name), "true or false")

    @classmethod
    def of(cls, train_from: str, num_pictures: int, **settings: Any) -> Tuning:
        """A rung's defaults for a training part of this size, and what is set by hand.

        Few pictures are seen more often: a rung has a least number of steps.

        Args:
            train_from: The rung.
            num_pictures: In the training part.
            settings: Fields to set otherwise.

        Raises:
            SettingError: A value that cannot be, or a field that is not there.
        """
        _must_be_a_rung(train_from)
        defaults, least_steps = _RUNGS["top" if _is_partial(train_from) else train_from]
        # How many epochs there are is known before how many of them are the head's alone.
        last = {name: settings[name] for name in ("frozen_epochs",) if name in settings}
        try:
            tuning = replace(cls(train_from, **defaults), **{**settings, "frozen_epochs": 0})
        except TypeError as error:
            raise _wrong("settings", sorted(settings), ", ".join(_fields())) from error
        if "epochs" in settings:
            return replace(tuning, **last)
        steps = tuning.steps_per_epoch or math.ceil(num_pictures / tuning.batch_size)
        epochs = max(tuning.epochs, math.ceil(least_steps / steps))
        return replace(tuning, epochs=epochs, **last)

    @property
    def is_partial(self) -> bool:
        """Whether only the last stages learn, so that what comes before is computed once."""
        return _is_partial(self.train_from)

    @property
    def is_scratch(self) -> bool:
        """Whether it starts from random weights."""
        return self.train_from == "scratch"

    @property
    def starts_from_zeros(self) -> bool:
        """Whether the head knows nothing at the start."""
        return self.is_scratch or self.start == "zeros"

    @property
    def sees_roots(self) -> bool:
        """Whether the head sees the features' roots."""
        return self.rooted and not self.starts_from_zeros

    def to_json(self) -> dict[str, Any]:
        """For a record in JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Tuning:
        """What ``to_json`` wrote.

        Raises:
            SettingError: A value that cannot be, or a field missing or unknown.
        """
        try:
            return cls(**record)
        except TypeError as error:
            raise _wrong("tuning", record, "what Tuning.to_json gives") from error


# Defaults that differ from the fields' own, and the least number of steps.
_RUNGS: dict[str, tuple[dict[str, Any], int]] = {
    "top": ({}, 200),
    "affine": ({"learning_rate": 1e-3, "layer_decay": 1.0}, 150),
    "all": ({"learning_rate": 1e-4}, 150),
    "scratch": (
        {"epochs": 60, "learning_rate": 1e-3, "head_learning_rate": 1e-3, "layer_decay": 1.0},
        1000,
    ),
}


def _must_be_a_rung(train_from: str) -> None:
    if not _TRAIN_FROM.fullmatch(train_from):
        expected = "top1, top2, ..., stage5 or another stage, affine, all or scratch"
        raise _wrong("train_from", train_from, expected)


def _is_partial(train_from: str) -> bool:
    return train_from.startswith(("top", "stage"))


def _fields() -> list[str]:
    return list(Tuning.__dataclass_fields__)


def _must_lie_in(name: str, value: Any, lowest: float, highest: float, whole: bool) -> None:
    kind = int if whole else (int, float)
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if not is_number or not lowest <= value <= highest:
        sort = "a whole number" if whole else "a number"
        raise _wrong(name, value, f"{sort} from {lowest:g} to {highest:g}")


def _wrong(name: str, value: object, expected: str) -> SettingError:
    return SettingError(f"{name} is {value!r}", expected, f"give another {name}")
