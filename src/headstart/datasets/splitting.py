"""Which pictures are learnt from and which judge: seeded, stratified, groups kept whole."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headstart.errors import NotEnoughData
from headstart.files import written_whole
from headstart.randomness import generator

Rows = npt.NDArray[np.int64]


# Beyond so many times the share that was asked for, it is not the share that describes the part.
_FAR_MORE = 1.25


@dataclass(frozen=True)
class Split:
    """How a dataset is divided.

    Args:
        splits: ``"train"`` or ``"test"``, one a row.
        rule: The rule that was applied, in one sentence.
        untested_classes: Indices of the classes without a test row: there is no evidence on them.
    """

    splits: tuple[str, ...]
    rule: str
    untested_classes: tuple[int, ...]


def assign_splits(
    labels: Rows, groups: Rows, given: Sequence[str], *, seed: int, test_share: float = 0.2
) -> Split:
    """Decide which rows judge.

    A test split that was given is kept, and given validation rows join training, where
    cross-validation chooses. A given validation split without a test split judges. Otherwise a
    share is drawn, of the rows that are not given to training: a group is never split apart, each
    class keeps its share as well as groups allow, and every class of two groups or more is in both
    parts, unless that would take another class out of training. Given splits are not changed for
    groups that straddle them: ``checks`` reports those.

    Args:
        labels: int64 [N], class indices.
        groups: int64 [N], group numbers.
        given: ``"train"``, ``"validation"``, ``"test"`` or ``""``, one a row.
        seed: Of the drawing.
        test_share: Of each class, above 0 and below 1; used where splits are drawn.

    Raises:
        NotEnoughData: Nothing is left to learn from, or nothing to judge by.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    judges = np.array([split == "test" for split in given], dtype=bool)
    held_out = np.array([split == "validation" for split in given], dtype=bool)
    if judges.any():
        rule = "the given test split judges"
        if held_out.any():
            rule += "; the given validation split joins training, where cross-validation chooses"
        rule += _without_split(given)
    elif held_out.any():
        judges = held_out
        rule = "the given validation split judges: it is the only held-out one"
        rule += _without_split(given)
    else:
        free = _free(labels, groups, given)
        judges[free] = _drawn(labels[free], groups[free], test_share, generator(seed, "split"))
        whole = " with groups kept whole" if len(np.unique(groups)) < len(groups) else ""
        drawn, share = judges[free].mean(), f"{test_share:.0%} of each class"
        if drawn > _FAR_MORE * test_share:
            share = f"{test_share:.0%} or more of each class ({drawn:.0%} in all)"
        of = "" if len(free) == len(groups) else f" of the {len(free)} that no split is given for"
        rule = f"{share}{of} drawn to judge{whole}, seed {seed}"
    _require_both(judges)
    untested = np.setdiff1d(labels, labels[judges])
    splits = tuple("test" if judge else "train" for judge in judges)
    return Split(splits, rule, tuple(int(label) for label in untested))


def _without_split(given: Sequence[str]) -> str:
    number = sum(not split for split in given)
    return f"; {number} without a split join{'s' * (number == 1)} training" if number else ""


def _free(labels: Rows, groups: Rows, given: Sequence[str]) -> Rows:
    """Rows from which a test may be drawn: where some are given to training, the others.

    All of them where no class has two groups among the others: a handful without a split is an
    omission, and no test.
    """
    is_given = np.array(given, dtype=object) == "train"
    free = np.flatnonzero(~np.isin(groups, groups[is_given]))
    cells = np.unique(np.stack([labels[free], groups[free]]), axis=1)
    is_enough = len(free) > 0 and np.bincount(cells[0]).max() > 1
    return free if is_enough else np.arange(len(groups))


def random_split(labels: Rows, *, seed: int, test_share: float = 0.2) -> Split:
    """The split that scikit-learn's ``train_test_split(test_size=..., random_state=...)`` draws.

    Neither classes nor groups are looked at: a class may be missing in a part, a copy of a test
    picture may stand in training.

    Args:
        labels: int64 [N], class indices.
        seed: ``random_state``.
        test_share: ``test_size``.

    Raises:
        NotEnoughData: Nothing is left to learn from.
    """
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(labels))
    if len(rows) - math.ceil(test_share * len(rows)) < 1:
        raise _too_few(f"a random {test_share:.0%} of {len(rows)} pictures leaves none")
    _, test = train_test_split(rows, test_size=test_share, random_state=seed)
    splits = tuple(np.where(np.isin(rows, test), "test", "train").tolist())
    untested = np.setdiff1d(labels, labels[test])
    rule = (
        f"{test_share:.0%} of all pictures drawn at random to judge, seed {seed} "
        "(scikit-learn's train_test_split)"
    )
    return Split(splits, rule, tuple(int(label) for label in untested))


def folds(labels: Rows, groups: Rows, *, num_folds: int = 5, seed: int) -> Rows:
    """Folds for cross-validation: stratified, groups kept whole, none empty.

    Args:
        labels: int64 [N], class indices.
        groups: int64 [N], group numbers.
        num_folds: As many folds, or as many as there are groups if those are fewer; three
            where one of two would leave a single group to learn from.
        seed: Of the drawing.

    Returns:
        int64 [N]: each row's fold.

    Raises:
        NotEnoughData: Fewer than three groups, or a fold would leave one class to learn from.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    counts = _Counts.of(labels, groups)
    if counts.num_groups < 3:
        raise _too_few_groups(len(labels), counts.num_groups)
    num_folds = min(num_folds, counts.num_groups)
    order = generator(seed, "folds").permutation(counts.num_groups)
    # Large groups first: the small ones then even out what those made uneven.
    order = order[np.argsort(-counts.group_sizes[order], kind="stable")]
    held = np.zeros((num_folds, counts.num_classes))
    sizes = np.zeros(num_folds)
    chosen = np.empty(counts.num_groups, dtype=np.int64)
    for group in order:
        classes, numbers = counts.of_group(group)
        crowded = (held[:, classes] * (numbers / counts.class_sizes[classes])).sum(axis=1)
        fold = np.lexsort((sizes, crowded))[0]
        chosen[group] = fold
        held[fold, classes] += numbers
        sizes[fold] += numbers.sum()
    if num_folds == 2 and np.bincount(chosen).min() < 2:
        return folds(labels, groups, num_folds=3, seed=seed)
    if ((counts.class_sizes - held > 0).sum(axis=1) < 2).any():
        raise _too_few("a fold would leave only one class to learn from")
    return chosen[counts.group_of_row]


def write_split(
    path: Path,
    ids: Sequence[str],
    labels: Sequence[str],
    splits: Sequence[str],
    groups: Sequence[str],
) -> None:
    """Write a division as a CSV (path, label, split, group) that ``reading.read`` reads again.

    Names that are not UTF-8 are written as the bytes they are.

    Raises:
        StoreError: It cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["path", "label", "split", "group"])
    writer.writerows(zip(ids, labels, splits, groups, strict=True))
    with written_whole(path) as temporary:
        temporary.write_bytes(text.getvalue().encode("utf-8", errors="surrogateescape"))


@dataclass(frozen=True, eq=False)
class _Counts:
    """How many rows of each class each group has: the cells of a sparse table, group by group."""

    group_of_row: Rows
    starts: Rows
    classes: Rows
    numbers: Rows
    group_sizes: Rows
    class_sizes: Rows

    @classmethod
    def of(cls, labels: Rows, groups: Rows) -> _Counts:
        _, labels = np.unique(labels, return_inverse=True)
        _, groups = np.unique(groups, return_inverse=True)
        num_classes = int(labels.max(initial=-1)) + 1
        cells, numbers = np.unique(groups * num_classes + labels, return_counts=True)
        owners, classes = np.divmod(cells, max(num_classes, 1))
        group_sizes = np.bincount(groups)
        starts = np.searchsorted(owners, np.arange(len(group_sizes) + 1))
        return cls(groups, starts, classes, numbers, group_sizes, np.bincount(labels))

    @property
    def num_groups(self) -> int:
        return len(self.group_sizes)

    @property
    def num_classes(self) -> int:
        return len(self.class_sizes)

    def of_group(self, group: int) -> tuple[Rows, Rows]:
        """The classes of a group, and how many rows it has of each."""
        cells = slice(self.starts[group], self.starts[group + 1])
        return self.classes[cells], self.numbers[cells]


def _drawn(
    labels: Rows, groups: Rows, share: float, random: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """The rows that judge, bool [N]."""
    counts = _Counts.of(labels, groups)
    order = random.permutation(counts.num_groups)
    wanted = share * counts.class_sizes
    held = np.zeros(counts.num_classes)
    left = np.bincount(counts.classes, minlength=counts.num_classes)  # groups still in training
    judges = np.zeros(counts.num_groups, dtype=bool)

    def take(group: int) -> None:
        classes, numbers = counts.of_group(group)
        held[classes] += numbers
        left[classes] -= 1
        judges[group] = True

    for group in order:
        classes, numbers = counts.of_group(group)
        before, after = wanted[classes] - held[classes], wanted[classes] - held[classes] - numbers
        if (left[classes] > 1).all() and np.abs(after).sum() < np.abs(before).sum():
            take(group)
    # A class too small for its share still gets its smallest group, if training keeps another.
    for group in order[np.argsort(counts.group_sizes[order], kind="stable")]:
        classes, _ = counts.of_group(group)
        if not judges[group] and (held[classes] == 0).any() and (left[classes] > 1).all():
            take(group)
    return judges[counts.group_of_row]


def _require_both(judges: npt.NDArray[np.bool_]) -> None:
    if judges.all():
        raise _too_few("all pictures are in the test split" if len(judges) else "no pictures")
    if not judges.any():
        raise _too_few(
            "no class has a second picture (or group) to judge by: each has one picture, or all "
            "its pictures are copies of one another or in one group"
        )


def _too_few_groups(num_rows: int, number: int) -> NotEnoughData:
    if num_rows == number:
        return NotEnoughData(
            f"only {num_rows} pictures are left to learn from",
            "three or more, so that two are learnt from while one is held out",
            "add pictures, or keep fewer for the test (on the command line: --test-share)",
        )
    return NotEnoughData(
        "the pictures to learn from form only "
        + ("one group" if number == 1 else f"{number} groups"),
        "three groups or more, so that two are learnt from while one is held out "
        "(pictures of one named group, and copies, are one group)",
        "add pictures of other groups, or form smaller groups",
    )


def _too_few(what: str) -> NotEnoughData:
    return NotEnoughData(
        what,
        "two pictures or more (in two groups or more) of two classes or more",
        "add pictures, or form smaller groups",
    )
