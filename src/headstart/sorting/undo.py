"""A sort taken back: every picture as it was, nothing of ours left, nothing of others touched."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import SettingError
from headstart.progress import Progress, Silent
from headstart.sorting import putting
from headstart.sorting.journal import JOURNAL, Journal, Row, opened
from headstart.sorting.sort import finish_planned, places
from headstart.sorting.table import remove_tables

_EXAMPLES = 100
_CHANGED = "it was changed since"


@dataclass(frozen=True)
class Undone:
    """What became of a sort.

    Args:
        num_undone: Pictures that are as they were before.
        num_kept: How much stays as it is, and in the journal.
        kept: The first hundred of it, with the reasons.
    """

    num_undone: int
    num_kept: int
    kept: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        kept = [{"path": path, "reason": reason} for path, reason in self.kept]
        return {"num_undone": self.num_undone, "num_kept": self.num_kept, "kept": kept}


def undo(
    pictures: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
) -> Undone:
    """Take a sort back by its journal: only what it made, and only while it is unchanged.

    Args:
        pictures: The folder that was sorted.
        to: Where to.
        progress: Told what happens; None: nobody.

    Raises:
        SettingError: There is no such sort.
        StoreError: The place cannot be written, or a sort is at work there.
    """
    progress = progress or Silent()
    source, target = places(pictures, to, must_exist=False)
    if not (target / JOURNAL).is_file():
        raise SettingError(
            f"{target} holds no journal of a sort", f"{JOURNAL} in it", "check the spelling"
        )
    with opened(target) as journal:
        terms = journal.terms()
        if terms.get("source") not in (str(source), None):
            raise SettingError(
                f"{target} was sorted with pictures of another folder",
                f"{terms['source']}, not {source}",
                "give that folder",
            )
        journal.set_terms(undoing=True)
        journal.commit()
        finish_planned(journal, source, terms.get("how", putting.COPY))
        undone = _take_back(journal, source, terms.get("how", putting.COPY), progress)
        if not undone.num_kept:
            kept = tuple((name, _CHANGED) for name in remove_tables(journal))
            undone = Undone(undone.num_undone, len(kept), kept)
        _remove([str(target / folder) for folder in journal.folders()])
    if not undone.num_kept:
        (target / JOURNAL).unlink()
        _remove(terms.get("made", []))
    return undone


def _take_back(journal: Journal, source: Path, how: str, progress: Progress) -> Undone:
    num_undone, num_kept = 0, 0
    kept: list[tuple[str, str]] = []
    progress.start("undoing", journal.count("done"))
    for row in journal.rows("done"):
        why = _taken_back(how, source / row.path, journal.folder / str(row.destination), row)
        if why is None:
            journal.forget(row)
            num_undone += 1
        else:
            num_kept += 1
            if num_kept <= _EXAMPLES:
                kept.append((str(row.destination), why))
        progress.advance()
    progress.stop()
    return Undone(num_undone, num_kept, tuple(kept))


def _taken_back(how: str, source: Path, destination: Path, row: Row) -> str | None:
    try:
        return putting.take_back(how, source, destination, str(row.digest))
    except OSError as error:
        return error.strerror or str(error)


def _remove(folders: list[str]) -> None:
    """Those that are empty; the deepest come first."""
    for folder in folders:
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
