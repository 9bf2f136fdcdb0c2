"""From a saved classifier and a folder of pictures to a folder for each class."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import SettingError
from headstart.files import content_digest_file, must_be_writable, sha256_file
from headstart.model import bundle
from headstart.model.classifier import Classifier, load
from headstart.progress import Progress, Silent
from headstart.sorting import putting
from headstart.sorting.journal import JOURNAL, Journal, Row, opened
from headstart.sorting.listing import pictures_in
from headstart.sorting.names import UNREADABLE, UNSURE, folder_names
from headstart.sorting.table import CSV, write_tables

# So many destinations are written down, with one wait for the disk, before they are filled.
_AT_ONCE = 64
# Nothing is there to be put anywhere.
_NO_CONTENT = ("vanished", "unreadable")


@dataclass(frozen=True)
class Sorted:
    """What a place holds now, of this run and earlier ones.

    Args:
        how: One of `putting.WAYS`.
        source, target: The folders.
        counts: Pictures of each class that are not unsure.
        unsure: By reason.
        unreadable: How many could not be used, and lie in ``_unreadable``.
        num_left: Pictures and folders that stay where they are.
        left: The first hundred of them, with their reasons.
        passed_by: Files that are no pictures, and links, by kind.
        dry_run: Nothing was done.
    """

    how: str
    source: Path
    target: Path
    counts: dict[str, int]
    unsure: dict[str, int]
    unreadable: int
    num_left: int
    left: tuple[tuple[str, str], ...]
    passed_by: dict[str, int]
    dry_run: bool

    @property
    def num_pictures(self) -> int:
        """All that were listed."""
        placed = sum(self.counts.values()) + sum(self.unsure.values()) + self.unreadable
        return placed + self.num_left

    @property
    def table(self) -> Path | None:
        """What went where; beside it stands the same as Parquet."""
        return None if self.dry_run else self.target / CSV

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "how": self.how,
            "from": str(self.source),
            "to": str(self.target),
            "num_pictures": self.num_pictures,
            "counts": self.counts,
            "unsure": self.unsure,
            "unreadable": self.unreadable,
            "num_left": self.num_left,
            "left": [{"path": path, "reason": reason} for path, reason in self.left],
            "passed_by": self.passed_by,
            "dry_run": self.dry_run,
            "table": None if self.table is None else str(self.table),
        }


def sort(
    classifier: Classifier | str | os.PathLike[str],
    pictures: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    how: str = putting.COPY,
    max_error: float | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Sorted:
    """Put every picture of a folder into a folder of its class, ``_unsure`` or ``_unreadable``.

    Killed at any moment, the same call goes on where it was. Called again later, it adds what is
    new in the folder. `headstart.sorting.undo.undo` takes it all back.

    Args:
        classifier: A loaded one, or the folder of a saved one.
        pictures: The folder, searched at any depth; links in it are not followed.
        to: Where the class folders go: a new or empty folder, or one of an earlier run.
        how: ``"copy"``, ``"hard-link"``, ``"symlink"``, ``"move"`` or ``"manifest-only"`` (only
            the tables are written).
        max_error: As for `load`; only for a saved one.
        dry_run: Only count.
        progress: Told what happens; None: nobody.

    Raises:
        SettingError: One folder lies in the other, or ``to`` holds another sort or other files.
        StoreError: ``to`` cannot be written, or another sort is at work there.
    """
    source, target = places(pictures, to)
    _must_hold_nothing_else(target)
    if how not in putting.WAYS:
        raise SettingError(f"how={how!r}", f"one of {', '.join(putting.WAYS)}", 'how="copy"')
    if not isinstance(classifier, Classifier):
        classifier = load(classifier, max_error=max_error)
    elif max_error is not None:
        raise SettingError(
            f"max_error={max_error} for a classifier that is loaded already",
            "the folder of a saved one",
            f"load(folder, max_error={max_error})",
        )
    terms = {
        "source": str(source),
        "how": how,
        "bundle": sha256_file(classifier.folder / bundle.RECORD),
        "ambiguous_below": classifier.record.unsure.ambiguous_below,
    }
    passed_by: Counter[str] = Counter()
    made = [] if dry_run else _make_ready(source, target, how)
    with opened(target, trial=dry_run) as journal:
        if not dry_run:
            _begin(journal, terms, made)
            finish_planned(journal, source, how)
        journal.add(pictures_in(source, passed_by))
        way = putting.MANIFEST_ONLY if dry_run else how
        _sort_listed(journal, classifier, source, way, progress or Silent())
        if not dry_run:
            write_tables(journal)
        return _summary(journal, classifier.class_names, (source, target), how, passed_by)


def places(
    pictures: str | os.PathLike[str], to: str | os.PathLike[str], *, must_exist: bool = True
) -> tuple[Path, Path]:
    """Where from and where to, without links.

    Raises:
        SettingError: There is no such folder, or one lies in the other.
    """
    source, target = Path(pictures).expanduser().resolve(), Path(to).expanduser().resolve()
    if must_exist and not source.is_dir():
        raise SettingError(
            f"{source} is not a folder" if source.exists() else f"there is no {source}",
            "a folder of pictures",
            "check the spelling of the path",
        )
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise SettingError(
            f"{source} and {target}: one lies in the other, or they are the same",
            "two folders apart from each other",
            f"choose a place beside it, such as {source.parent / (source.name + '-sorted')}",
        )
    return source, target


def _must_hold_nothing_else(target: Path) -> None:
    """Class folders among other files, of a training set too, would hardly be told apart."""
    if not target.is_dir() or (target / JOURNAL).exists():
        return
    # Hidden files are a desktop's notes, or what a trial of writing left that was killed.
    shown = sorted(path.name for path in target.iterdir() if not path.name.startswith("."))
    if shown:
        raise SettingError(
            f"{target} holds {shown[0]} and no journal of a sort",
            "a new or empty folder, or one that holds an earlier run of the same sort",
            f"choose a new place, such as {target.parent / (target.name + '-sorted')}",
        )


def _make_ready(source: Path, target: Path, how: str) -> list[str]:
    """Make the place; the folders that were not there before."""
    must_be_writable(target)
    near = next(place for place in (target, *target.parents) if place.exists())
    if how == putting.HARD_LINK and near.stat().st_dev != source.stat().st_dev:
        raise SettingError(
            f"{source} and {target} are on different file systems",
            "one file system: a hard link cannot lead to another",
            "use --copy, --symlink or --move",
        )
    made = [str(place) for place in (target, *target.parents) if not place.exists()]
    target.mkdir(parents=True, exist_ok=True)
    return made


def _begin(journal: Journal, terms: dict[str, Any], made: list[str]) -> None:
    """A new sort, or the same one as before."""
    known = journal.terms()
    if not known:
        journal.set_terms(**terms, made=made)
    if known.get("undoing"):
        raise SettingError(
            f"the sort in {journal.folder} was not undone to its end",
            "one that is whole, or undone",
            "run --undo again; or leave what is there, and choose another place",
        )
    for name, words in (
        ("source", "pictures of another folder"),
        ("how", "another way"),
        ("bundle", "another classifier"),
        ("ambiguous_below", "another --max-error"),
    ):
        if known and known[name] != terms[name]:
            raise SettingError(
                f"{journal.folder} was sorted with {words}: {known[name]}, now {terms[name]}",
                "the same classifier, folder and way for all of a place",
                "choose another place, or undo that sort with --undo first",
            )
    journal.commit()


def finish_planned(journal: Journal, source: Path, how: str) -> None:
    """What a killed run was doing: done, if it is there; else to be done again."""
    for row in journal.rows("planned"):
        assert row.destination is not None and row.digest is not None
        here, there = source / row.path, journal.folder / row.destination
        if putting.is_there(how, here, there, row.digest):
            journal.done(row, moved=how == putting.MOVE)
        else:
            journal.again(row)
    journal.commit()


def _sort_listed(
    journal: Journal, classifier: Classifier, source: Path, how: str, progress: Progress
) -> None:
    folders = folder_names(classifier.class_names)
    progress.start("sorting", journal.count("listed"))
    judged = _judged(classifier, source, journal.rows("listed"))
    while batch := list(itertools.islice(judged, _AT_ONCE)):
        planned = [row for row in (_planned(journal, row, folders) for row in batch) if row]
        journal.commit()
        _put(journal, planned, source, how)
        progress.advance(len(batch))
    progress.stop()


def _judged(classifier: Classifier, source: Path, rows: Iterator[Row]) -> Iterator[Row]:
    ours, theirs = itertools.tee(rows)
    outcomes = classifier.outcomes(source / row.path for row in theirs)
    for row, outcome in zip(ours, outcomes, strict=True):
        answer = classifier.prediction(row.path, outcome)
        row = Row(
            *(row.number, row.path, answer.label, answer.probability, answer.reason),
            digest=outcome.digest.hex() or None,
        )
        yield row if row.digest or _has_no_content(row) else _with_digest(row, source)


def _has_no_content(row: Row) -> bool:
    return row.label is None and (row.reason or "").partition(":")[0] in _NO_CONTENT


def _with_digest(row: Row, source: Path) -> Row:
    """Of a file whose first bytes said that it is no picture: the rest was not read."""
    try:
        return dataclasses.replace(row, digest=content_digest_file(source / row.path))
    except OSError as error:
        return dataclasses.replace(row, reason=f"unreadable: {error.strerror}")


def _planned(journal: Journal, row: Row, folders: dict[str, str]) -> Row | None:
    if _has_no_content(row):
        journal.left(row, row.reason or "")
        return None
    folder = folders[row.label] if row.label is not None else UNREADABLE
    if row.label is not None and row.reason:
        folder = UNSURE
    if not os.path.lexists(journal.folder / folder):
        journal.add_folder(folder)
    return journal.plan(row, os.path.join(folder, os.path.basename(row.path)))  # noqa: PTH119


def _put(journal: Journal, planned: list[Row], source: Path, how: str) -> None:
    """Also waits until the names are on the disk: only then the journal says that it is done."""
    touched, put = {journal.folder}, []
    for row in planned:
        there = journal.folder / str(row.destination)
        try:
            if how != putting.MANIFEST_ONLY:
                there.parent.mkdir(exist_ok=True)
                touched.add(there.parent)
            putting.put(how, source / row.path, there, str(row.digest))
            put.append(row)
        except OSError as error:
            gone = isinstance(error, FileNotFoundError)
            journal.left(row, "vanished" if gone else f"not_placed: {error.strerror or error}")
    if how != putting.MANIFEST_ONLY:
        for folder in touched:
            putting.sync(folder)
    for row in put:
        journal.done(row, moved=how == putting.MOVE)


def _summary(
    journal: Journal,
    class_names: tuple[str, ...],
    places: tuple[Path, Path],
    how: str,
    passed_by: Counter[str],
) -> Sorted:
    done = journal.counts()
    unsure: Counter[str] = Counter()
    for (label, reason), number in done.items():
        if label is not None and reason:
            unsure[reason] += number
    return Sorted(
        how,
        *places,
        counts={label: done.get((label, None), 0) for label in class_names},
        unsure=dict(unsure),
        unreadable=sum(number for (label, _), number in done.items() if label is None),
        num_left=journal.count("left"),
        left=tuple((x.path, x.reason or "") for x in itertools.islice(journal.rows("left"), 100)),
        passed_by=dict(sorted(passed_by.items())),
        dry_run=journal.is_trial,
    )
