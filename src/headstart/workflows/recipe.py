"""All settings of one run, validated at the door."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from headstart.backbones import devices
from headstart.backbones.engine import PRECISIONS
from headstart.backbones.request import PLAIN, POOLINGS, TTA
from headstart.datasets.reading import ReadOptions
from headstart.errors import SettingError
from headstart.finetuning.recipe import Tuning
from headstart.workflows.recipe_files import near, read_recipe

# Of fine-tuning: fields of `Tuning` that may be set here.
TUNING = (
    *("epochs", "steps_per_epoch", "frozen_epochs", "batch_size", "start", "optimizer"),
    *("learning_rate", "head_learning_rate", "layer_decay", "schedule", "warmup", "weight_decay"),
    *("clip", "dropout", "label_smoothing", "mixup", "cutmix", "class_weights", "augmentation"),
    *("rooted", "views", "average", "patience", "autocast"),
)
_PRECISIONS = (*PRECISIONS, "auto")
_STRATEGIES = ("auto", "freeze", "partial", "full", "scratch")
_SPLITS = ("stratified", "random")
_SEEDS = 2**32  # those that scikit-learn takes
# How pictures are changed that are judged over such views.
_LEARNT_WITH: dict[str, dict[str, bool]] = {
    "flips": {"vertical_flip": True},
    "turns": {"vertical_flip": True, "transpose": True},
}
SHOWN = ("targets", "classification-report", "curves")


# Settings that have no option of their own.
WITHOUT_OPTION = (
    *("show", "say_every", "rooted", "layer_decay", "warmup", "clip", "label_smoothing", "mixup"),
    *("cutmix", "class_weights", "views", "average", "patience", "autocast"),
)
# Settings that are called otherwise on the command line.
_OPTIONS = {"num_folds": "folds", "heads": "head"}


@dataclass(frozen=True)
class Recipe:
    """Settings of a run; the defaults are meant to be right.

    Args:
        backbone: An offline name, a Keras name, or any timm name; ``"a+b"``, two side by side;
            for `fit` also ``"auto"``, the best of those at hand for these pictures, or
            ``"auto:a,b"``, of these. None: efficientnet_lite0, in `fit` with efficientnet_lite2
            beside it where that proves better.
        weights: A weights file, ``"random"``, or None for the backbone's own.
        precision: ``"f32"``; ``"bf16"``, about twice as fast where the processor has it, with
            slightly other features; ``"auto"``: bf16 where the processor has it and a head
            answers alike on some of the pictures.
        input_size: Side of the pictures that the backbone sees, in pixels; None: its own.
        tta: Test-time augmentation: ``"mirror"``: features are the mean over the picture and its
            mirror image; ``"flips"``: also over both upside down; ``"turns"``: over these and
            their quarter turns; with these two, what is fine-tuned learns from such pictures
            too; ``"none"``.
        heads: Names of the heads to compare; empty: all of them. ``"logistic:flatten"``: on that
            pooling of the last feature map.
        pooling: What heads see that do not say it themselves: ``"average"``, ``"max"`` or
            ``"flatten"``, all values of the last feature map; None: the backbone's taps.
        label_pattern: Regular expression that finds the label in a file's relative path.
        group_pattern: The same for the group: pictures that must not be split apart; ``"none"``:
            there are no groups, also where file names seem to hold them.
        image_column, label_column, group_column, split_column: Columns of a table, by name or by
            number from 1; None: found by their content.
        images: Folder of the files that a table names.
        merge: Pairs (a, b): class a becomes class b.
        test: A folder or table with the test pictures, when it is not part of the dataset.
        test_share: Share of the pictures kept for the test when no test set is given; None: 0.2.
        split: How the test pictures are drawn: ``"stratified"``, copies and groups kept together;
            ``"random"``, as scikit-learn's ``train_test_split`` draws them, whatever they are.
        split_seed: Of the drawing; None: the run's.
        num_folds: Of the cross-validation that compares the heads; None: 5, or 3 of more than
            4 000 training pictures.
        max_error: Answer only when so sure that at most this share of the answers is wrong, for
            example 0.01; None: when the best class is twice as probable as all others together.
        strategy: ``"auto"``: as far as the evidence asks for; ``"freeze"``, ``"partial"`` (the
            last blocks), ``"full"`` (the whole network) or ``"scratch"``: as you say.
        train_from: What learns besides the head: ``"top1"``, ``"top2"``, ... the last blocks;
            ``"stage5"`` this and all after it; ``"affine"`` scales and shifts; ``"all"``;
            ``"scratch"``. None: what the strategy tries.
        time_limit: Seconds for fine-tuning, the last training included; None: 1200 with ``"auto"``,
            else no limit.
        epochs, steps_per_epoch, frozen_epochs, batch_size, start, optimizer, learning_rate,
            head_learning_rate, layer_decay, schedule, warmup, weight_decay, clip, dropout,
            label_smoothing, mixup, cutmix, class_weights, augmentation, rooted, views, average,
            patience, autocast: Of fine-tuning, as in `Tuning`; None: the rung's own.
        show: What is told besides: ``"targets"``, a table of paths and targets and the number of
            pictures of each class; ``"classification-report"``, accuracy, confusion matrix and
            scikit-learn's report; ``"curves"``, how the dense heads learned, epoch by epoch.
        say_every: Progress in a line every so many pictures.
        keep_codes: Whether the features of every picture that the head sees are kept in a file of
            the bundle.
        gallery: How many training pictures at most are kept in the bundle, with their features, for
            `similar`: 2 bytes a feature; 0: none.
        own_choice: Whether what Headstart would have chosen is trained as well, on the same split,
            and compared.
        seed: Same seed, same machine: same result.
        workers: Processes that fine-tune together on Ray Train (extra ``cluster``), with so many
            threads each.
        threads: Processor cores to use; None: all of them.
        device: Where networks are run and fine-tuned: ``"cpu"``, ``"cuda"``, ``"cuda:1"``,
            ``"mps"``; ``"auto"``: a graphics card where torch sees one.
        cache: Where features are kept; None: the user's cache folder.
    """

    backbone: str | None = None
    weights: str | Path | None = None
    precision: str = "f32"
    input_size: int | None = None
    tta: str = PLAIN
    heads: tuple[str, ...] = ()
    pooling: str | None = None
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
    split: str = "stratified"
    split_seed: int | None = None
    num_folds: int | None = None
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
    layer_decay: float | None = None
    schedule: str | None = None
    warmup: float | None = None
    weight_decay: float | None = None
    clip: float | None = None
    dropout: float | None = None
    label_smoothing: float | None = None
    mixup: float | None = None
    cutmix: float | None = None
    class_weights: str | None = None
    augmentation: str | dict[str, Any] | None = None
    rooted: bool | None = None
    views: int | None = None
    average: str | None = None
    patience: int | None = None
    autocast: str | None = None
    show: tuple[str, ...] = ()
    say_every: int | None = None
    keep_codes: bool = False
    gallery: int = 100_000
    own_choice: bool = False
    seed: int = 0
    workers: int = 1
    threads: int | None = None
    device: str = devices.AUTO
    cache: Path | None = None

    def __post_init__(self) -> None:
        self._check_merge()
        for field in dataclasses.fields(self):
            value, kinds = _plain(getattr(self, field.name)), str(field.type).split(" | ")
            object.__setattr__(self, field.name, value)
            _must_be(any(_is(value, kind) for kind in kinds), field.name, value, _sort(kinds))
        words = ", ".join(TTA)
        _must_be(self.tta in TTA, "tta", self.tta, f"one of {words}")
        words = ", ".join(_PRECISIONS)
        _must_be(self.precision in _PRECISIONS, "precision", self.precision, f"one of {words}")
        if self.test_share is not None:
            is_share = 0 < self.test_share < 1
            _must_be(is_share, "test_share", self.test_share, "a number more than 0, below 1")
        if self.max_error is not None:
            is_share = 0 < self.max_error < 1
            _must_be(is_share, "max_error", self.max_error, "a number more than 0, below 1")
        words = ", ".join(_STRATEGIES)
        _must_be(self.strategy in _STRATEGIES, "strategy", self.strategy, f"one of {words}")
        has_time = self.time_limit is None or 0 < self.time_limit < math.inf
        _must_be(has_time, "time_limit", self.time_limit, "a number of seconds, more than 0")
        is_team = isinstance(self.workers, int) and self.workers >= 1
        _must_be(is_team, "workers", self.workers, "a whole number, 1 or more")
        _must_be(devices.is_device(self.device), "device", self.device, devices.WORDS)
        self._check_tuning()
        self._check_choices()
        has_folds = self.num_folds is None or self.num_folds >= 2
        _must_be(has_folds, "num_folds", self.num_folds, "2 or more")
        _must_be(0 <= self.seed < _SEEDS, "seed", self.seed, "0 or more, below 2**32")
        _must_be(self.gallery >= 0, "gallery", self.gallery, "0 or more")
        for name in ("threads", "input_size", "say_every"):
            value = getattr(self, name)
            _must_be(value is None or value >= 1, name, value, "1 or more")
        drawn = self.split_seed is None or 0 <= self.split_seed < _SEEDS
        _must_be(drawn, "split_seed", self.split_seed, "0 or more, below 2**32")

    def _check_merge(self) -> None:
        pairs = isinstance(self.merge, tuple) and all(
            isinstance(pair, tuple) and len(pair) == 2 and all(_is(name, "str") for name in pair)
            for pair in self.merge
        )
        words = "pairs of class names, as [('kitten', 'cat')]: kitten becomes cat"
        _must_be(pairs, "merge", self.merge, words)

    def _check_choices(self) -> None:
        words = ", ".join(_SPLITS)
        _must_be(self.split in _SPLITS, "split", self.split, f"one of {words}")
        words = ", ".join(SHOWN)
        _must_be(set(self.show) <= {*SHOWN}, "show", self.show, f"some of {words}")
        asked = {head.partition(":")[2] for head in self.heads if ":" in head} | {self.pooling}
        for pooling in asked - {None}:
            words = ", ".join(POOLINGS)
            _must_be(pooling in POOLINGS, "pooling", pooling, f"one of {words}")

    def _check_tuning(self) -> None:
        """Settings of fine-tuning must be possible, and have an effect."""
        given = self.tuning_settings
        others = {"train_from": self.train_from, "time_limit": self.time_limit}
        asked = {**given, **{name: value for name, value in others.items() if value}}
        if asked and self.strategy == "freeze":
            name, value = next(iter(asked.items()))
            raise SettingError(
                f"{name} is {value!r}, but the network is to stay frozen",
                "settings that have an effect",
                f"leave {name} out, or choose another strategy (--strategy partial)",
            )
        if "scratch" in (self.strategy, self.train_from) and self.weights not in (None, "random"):
            raise SettingError(
                f"the weights are {str(self.weights)!r}, but the network is to learn from scratch",
                "settings that have an effect",
                "leave the weights out, or choose another strategy (--strategy full)",
            )
        if asked:
            tuning = Tuning.of(self.first_rung, 1, **given)
            if self.views and self.tunes_by_hand and not tuning.is_partial:
                raise SettingError(
                    f"views is {self.views}, but {self.first_rung} learns from new views each time",
                    "settings that have an effect",
                    "leave views out, or train the last blocks only (--strategy partial)",
                )

    @property
    def tuning_settings(self) -> dict[str, Any]:
        """What was set of fine-tuning."""
        return {name: v for name in TUNING if (v := getattr(self, name)) is not None}

    def tuning_for(self, train_from: str, num_pictures: int) -> Tuning:
        """How a rung is trained on so many pictures: its defaults, and what was set by hand.

        What is judged upside down, or on its side, is learnt so, unless the augmentation is set.
        """
        tuning = Tuning.of(train_from, num_pictures, **self.tuning_settings)
        learnt = _LEARNT_WITH.get(self.tta)
        if learnt is None or self.augmentation is not None:
            return tuning
        augmentation = {"preset": tuning.augmentation, **learnt}
        return dataclasses.replace(tuning, augmentation=augmentation)

    @property
    def tunes_by_hand(self) -> bool:
        """Whether a person, not the evidence, decides that the backbone is adapted."""
        return self.train_from is not None or self.strategy in ("partial", "full", "scratch")

    @property
    def first_rung(self) -> str:
        """What learns first when anything does."""
        return self.train_from or {"full": "all", "scratch": "scratch"}.get(self.strategy, "top1")

    @property
    def poolings(self) -> tuple[str, ...]:
        """Every pooling that some head asks for."""
        asked = {head.partition(":")[2] or self.pooling for head in self.heads or ("",)}
        return tuple(way for way in POOLINGS if way in asked)

    @property
    def read_options(self) -> ReadOptions:
        """The settings that say how a dataset is understood."""
        fields = {field.name for field in dataclasses.fields(ReadOptions)}
        return ReadOptions(**{k: v for k, v in vars(self).items() if k in fields})

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the receipt; cache, cores and device are of the machine."""
        values = {k: v for k, v in vars(self).items() if k not in ("cache", "threads", "device")}
        return {k: str(v) if isinstance(v, Path) else v for k, v in values.items()}


def recipe_of(settings: dict[str, Any]) -> Recipe:
    """A recipe from keyword arguments; ``recipe`` names the file that the others come from.

    Raises:
        SettingError: A setting is unknown or wrong.
    """
    known = [field.name for field in dataclasses.fields(Recipe)]
    named = settings.get("recipe")
    settings = {name: value for name, value in settings.items() if name != "recipe"}
    for name in settings:
        if name not in known:
            raise SettingError(
                f"no setting is called {name!r}",
                f"one of {', '.join(known)}",
                _meant(name)
                or near(name, known)
                or "docs/python.md says what each is; recipe.toml of a saved classifier has all",
            )
    if named is not None:
        settings = {**read_recipe(named, known), **settings}
    return Recipe(**{name: _as_field(name, value) for name, value in settings.items()})


def _as_field(name: str, value: Any) -> Any:
    """A value as the field holds it: paths as paths, lists as tuples, one as a tuple of one."""
    if name in ("images", "test", "cache") and isinstance(value, str | Path):
        return Path(value).expanduser()
    if name in ("heads", "show") and isinstance(value, str):
        return (value,)
    if name in ("heads", "show", "merge") and isinstance(value, list | tuple):
        inner = (tuple(each) if isinstance(each, list) else each for each in value)
        return tuple(dict.fromkeys(inner))
    return value


def _plain(value: Any) -> Any:
    """Numbers of other libraries, as NumPy's, as Python's own: they go into files."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


_KINDS: dict[str, tuple[type, str]] = {
    "str": (str, "text"),
    "Path": (Path, "a path"),
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "bool": (bool, "true or false"),
    "tuple": (tuple, "a list of names"),
    "dict": (dict, "a table"),
}


def _is(value: object, kind: str) -> bool:
    """Whether a value is of the kind that an annotation names; a whole number is a number."""
    if value is None or kind == "None":
        return value is None and kind == "None"
    if isinstance(value, bool):
        return kind == "bool"
    if isinstance(value, int) and kind == "float":
        return True
    if kind == "tuple[str, ...]":
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    return isinstance(value, _KINDS[kind.partition("[")[0]][0])


def _sort(kinds: list[str]) -> str:
    return " or ".join(_KINDS[kind.partition("[")[0]][1] for kind in kinds if kind != "None")


def _must_be(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise SettingError(
            f"{name} is {value!r}", f"{name}: {expected}", f"change {name}{_as_option(name)}"
        )


def _meant(option: str) -> str:
    """The setting of an option that is called otherwise on the command line; or empty."""
    meant = [name for name, spelt in _OPTIONS.items() if spelt == option.replace("_", "-")]
    return f"did you mean {meant[0]}? (--{option} is its name on the command line)" if meant else ""


def _as_option(name: str) -> str:
    """How the setting is spelt on the command line."""
    if name in WITHOUT_OPTION:
        return f" (on the command line: --set {name}=...)"
    option = {**_OPTIONS, "merge": "merge A=B"}.get(name, name.replace("_", "-"))
    return f" (on the command line: --{option})"
