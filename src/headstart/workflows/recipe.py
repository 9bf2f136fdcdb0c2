"""All settings of one run, validated at the door."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.backbones.catalog import DEFAULT
from headstart.backbones.engine import PRECISIONS
from headstart.datasets.reading import ReadOptions
from headstart.errors import SettingError
from headstart.finetuning.recipe import Tuning

# Of fine-tuning: fields of `Tuning` that may be set here.
TUNING = (
    *("epochs", "steps_per_epoch", "frozen_epochs", "batch_size", "start", "optimizer"),
    *("learning_rate", "head_learning_rate", "schedule", "weight_decay", "dropout"),
    "augmentation",
)
_PRECISIONS = (*PRECISIONS, "auto")
_STRATEGIES = ("auto", "freeze", "partial", "full", "scratch")


@dataclass(frozen=True)
class Recipe:
    """Settings of a run; the defaults are meant to be right.

    Args:
        backbone: An offline name, a Keras name, or any timm name; for `fit` also ``"auto"``, the
            best of those at hand for these pictures, or ``"auto:a,b"``, of these.
        weights: A weights file, ``"random"``, or None for the backbone's own.
        precision: ``"f32"``; ``"bf16"``, about twice as fast where the processor has it, with
            slightly other features; ``"auto"``: bf16 where the processor has it and a head
            answers alike on some of the pictures.
        heads: Names of the heads to compare; empty: all of them.
        label_pattern: Regular expression that finds the label in a file's relative path.
        group_pattern: The same for the group: pictures that must not be split apart.
        image_column, label_column, group_column, split_column: Columns of a table, by name or by
            number from 1; None: found by their content.
        images: Folder of the files that a table names.
        merge: Pairs (a, b): class a becomes class b.
        test: A folder or table with the test pictures, when it is not part of the dataset.
        test_share: Share of the pictures kept for the test when no test set is given; None: 0.2.
        num_folds: Of the cross-validation that compares the heads.
        max_error: Answer only when so sure that at most this share of the answers is wrong, for
            example 0.01; None: when the best class is twice as probable as all others together.
        strategy: ``"auto"``: as far as the evidence asks for; ``"freeze"``, ``"partial"`` (the
            last blocks), ``"full"`` (the whole network) or ``"scratch"``: as you say.
        train_from: What learns besides the head: ``"top1"``, ``"top2"``, ... the last blocks;
            ``"stage5"`` this and all after it; ``"affine"`` scales and shifts; ``"all"``;
            ``"scratch"``. None: what the strategy tries.
        time_limit: Seconds for trials of fine-tuning; None: 600 with ``"auto"``, else no limit.
        epochs, steps_per_epoch, frozen_epochs, batch_size, start, optimizer, learning_rate,
            head_learning_rate, schedule, weight_decay, dropout, augmentation: Of fine-tuning, as
            in `Tuning`; None: the rung's own.
        seed: Same seed, same machine: same result.
        threads: Processor cores to use; None: all of them.
        cache: Where features are kept; None: the user's cache folder.
    """

    backbone: str = DEFAULT
    weights: str | Path | None = None
    precision: str = "f32"
    heads: tuple[str, ...] = ()
    label_pattern: str | None = None
    group_pattern: str | None = None
    image_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    split_column: str | None = None
    images: Path | None = None
    merge: tuple[tuple[str, str], ...] = ()
    test: Path | None = None
    test_share: float | None = None
    num_folds: int = 5
    max_error: float | None = None
    strategy: str = "auto"
    train_from: str | None = None
    time_limit: float | None = None
    epochs: int | None = None
    steps_per_epoch: int | None = None
    frozen_epochs: int | None = None
    batch_size: int | None = None
    start: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    head_learning_rate: float | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    dropout: float | None = None
    augmentation: str | dict[str, Any] | None = None
    seed: int = 0
    threads: int | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        for name in ("seed", "threads", "num_folds"):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            _must_be(whole or (value is None and name == "threads"), name, value, "a whole number")
        words = ", ".join(_PRECISIONS)
        _must_be(self.precision in _PRECISIONS, "precision", self.precision, f"one of {words}")
        pairs = isinstance(self.merge, tuple) and all(
            isinstance(pair, tuple) and len(pair) == 2 for pair in self.merge
        )
        _must_be(pairs, "merge", self.merge, "pairs of class names, as (('a', 'b'),)")
        if self.test_share is not None:
            is_share = isinstance(self.test_share, int | float) and 0 < self.test_share < 1
            _must_be(is_share, "test_share", self.test_share, "a number more than 0, below 1")
        if self.max_error is not None:
            is_share = isinstance(self.max_error, int | float) and 0 < self.max_error < 1
            _must_be(is_share, "max_error", self.max_error, "a number more than 0, below 1")
        words = ", ".join(_STRATEGIES)
        _must_be(self.strategy in _STRATEGIES, "strategy", self.strategy, f"one of {words}")
        has_time = self.time_limit is None or self.time_limit > 0
        _must_be(has_time, "time_limit", self.time_limit, "seconds, more than 0")
        self._check_tuning()
        _must_be(self.num_folds >= 2, "num_folds", self.num_folds, "2 or more")
        _must_be(self.seed >= 0, "seed", self.seed, "0 or more")
        _must_be(self.threads is None or self.threads >= 1, "threads", self.threads, "1 or more")

    def _check_tuning(self) -> None:
        """Settings of fine-tuning must be possible, and have an effect."""
        given = self.tuning_settings
        asked = {**given, "train_from": self.train_from} if self.train_from else given
        if asked and self.strategy == "freeze":
            name, value = next(iter(asked.items()))
            raise SettingError(
                f"{name} is {value!r}, but the network is to stay frozen",
                "settings that have an effect",
                f"leave {name} out, or choose another strategy (--strategy partial)",
            )
        if asked:
            Tuning.of(self.train_from or "top1", 1, **given)

    @property
    def tuning_settings(self) -> dict[str, Any]:
        """What was set of fine-tuning."""
        return {name: v for name in TUNING if (v := getattr(self, name)) is not None}

    @property
    def tunes_by_hand(self) -> bool:
        """Whether a person, not the evidence, decides that the backbone is adapted."""
        return self.train_from is not None or self.strategy in ("partial", "full", "scratch")

    @property
    def read_options(self) -> ReadOptions:
        """The settings that say how a dataset is understood."""
        fields = {field.name for field in dataclasses.fields(ReadOptions)}
        return ReadOptions(**{k: v for k, v in vars(self).items() if k in fields})

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the receipt; the cache's place is not part of a recipe."""
        values = {k: v for k, v in vars(self).items() if k not in ("cache", "threads")}
        return {k: str(v) if isinstance(v, Path) else v for k, v in values.items()}


def recipe_of(settings: dict[str, Any]) -> Recipe:
    """A recipe from keyword arguments.

    Raises:
        SettingError: A setting is unknown or wrong.
    """
    known = [field.name for field in dataclasses.fields(Recipe)]
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2)
            raise SettingError(
                f"no setting is called {name!r}",
                f"one of {', '.join(known)}",
                f"did you mean {' or '.join(near)}?" if near else "help(headstart.fit)",
            )
    for name in ("images", "test", "cache"):
        if settings.get(name) is not None:
            settings = {**settings, name: Path(settings[name]).expanduser()}
    if "heads" in settings:
        given = settings["heads"]
        heads = (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))
        settings = {**settings, "heads": heads}
    return Recipe(**settings)


def _must_be(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise SettingError(
            f"{name} is {value!r}", f"{name}: {expected}", f"change {name}{_as_option(name)}"
        )


def _as_option(name: str) -> str:
    """How the setting is spelt on the command line."""
    option = {"num_folds": "folds", "heads": "head"}.get(name, name.replace("_", "-"))
    return f" (on the command line: --{option})"
