"""The journal of a sort: what is to be done, is being done and was done, on disk.

An SQLite file in the place that is sorted into. A destination is written down before anything is
put there, and that it was done afterwards, so that a run that was killed can be finished or undone
at any moment. Whoever has it open keeps everyone else out.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import HeadstartError, SettingError, StoreError
from headstart.sorting.listing import Listed
from headstart.sorting.names import numbered

JOURNAL = ".headstart-sort.sqlite3"
_FORMAT = 2
_PAGE = 256
# gone: null when the picture was moved away, for another may come under its name.
_SCHEMA = """
CREATE TABLE terms (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE folders (path BLOB PRIMARY KEY);
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY, path BLOB NOT NULL, gone INTEGER DEFAULT 0, state TEXT NOT NULL,
    label BLOB, probability REAL, reason TEXT, digest TEXT,
    wanted BLOB, suffix INTEGER, destination BLOB UNIQUE, UNIQUE (path, gone));
CREATE INDEX in_state ON pictures (state, path, number);
CREATE INDEX of_name ON pictures (wanted, suffix);
"""
_COLUMNS = "number, path, label, probability, reason, digest, destination"


@dataclass(frozen=True)
class Row:
    """One picture.

    Args:
        number: Its own.
        path: Below the folder that is sorted.
        label, probability: The answer; None if it could not be used.
        reason: Why it is unsure, could not be used, or was left where it is; None else.
        digest: `files.content_digest` of its content, hex.
        destination: Below the place; None until it has one.
    """

    number: int
    path: str
    label: str | None = None
    probability: float | None = None
    reason: str | None = None
    digest: str | None = None
    destination: str | None = None


class Journal:
    """Rows in one of four states: listed, planned, done, left (where it was, with a reason).

    Args:
        folder: The place.
        connection: To its journal.
        is_trial: Nothing is kept of it.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, is_trial: bool) -> None:
        self.folder = folder
        self.is_trial = is_trial
        self._run = connection.execute
        self._run_many = connection.executemany
        self.commit = connection.commit

    def terms(self) -> dict[str, Any]:
        """What the sort was begun with."""
        return {name: json.loads(value) for name, value in self._run("SELECT * FROM terms")}

    def set_terms(self, **terms: Any) -> None:
        """Write some of them down."""
        values = [(name, json.dumps(value)) for name, value in terms.items()]
        self._run_many("INSERT OR REPLACE INTO terms VALUES (?, ?)", values)

    def add(self, found: Iterable[Listed]) -> None:
        """Add pictures that are not in it; what was left before gets another chance."""
        self._run("DELETE FROM pictures WHERE state = 'left'")
        self._run_many(
            "INSERT OR IGNORE INTO pictures (path, state, reason) VALUES (?, ?, ?)",
            ((os.fsencode(x.path), "left" if x.failure else "listed", x.failure) for x in found),
        )
        self.commit()

    def rows(self, state: str) -> Iterator[Row]:
        """Those in a state, by path; they may leave it on the way."""
        path, number = b"", 0
        query = (
            f"SELECT {_COLUMNS} FROM pictures WHERE state = ? AND (path, number) > (?, ?) "
            f"ORDER BY path, number LIMIT {_PAGE}"
        )
        while page := self._run(query, (state, path, number)).fetchall():
            yield from map(_row, page)
            number, path = page[-1][:2]

    def plan(self, row: Row, wanted: str) -> Row:
        """Give a picture with its answer a destination that nothing has."""
        known = self._run("SELECT max(suffix) FROM pictures WHERE wanted = ?", (_raw(wanted),))
        suffix = (known.fetchone()[0] or 0) + 1
        folder, name = os.path.split(wanted)
        while self._is_taken(destination := os.path.join(folder, numbered(name, suffix))):
            suffix += 1
        self._run(
            "UPDATE pictures SET state = 'planned', label = ?, probability = ?, reason = ?, "
            "digest = ?, wanted = ?, suffix = ?, destination = ? WHERE number = ?",
            (
                *(_raw(row.label), row.probability, row.reason, row.digest),
                *(_raw(wanted), suffix, _raw(destination), row.number),
            ),
        )
        return Row(**{**vars(row), "destination": destination})

    def _is_taken(self, destination: str) -> bool:
        ours = self._run("SELECT 1 FROM pictures WHERE destination = ?", (_raw(destination),))
        return bool(ours.fetchone()) or os.path.lexists(self.folder / destination)

    def done(self, row: Row, *, moved: bool) -> None:
        """It is where it was planned."""
        gone = None if moved else 0
        self._run(
            "UPDATE pictures SET state = 'done', gone = ? WHERE number = ?", (gone, row.number)
        )

    def left(self, row: Row, reason: str) -> None:
        """It stays where it is, for a reason."""
        self._back(row, "left", reason)

    def again(self, row: Row) -> None:
        """What was planned was not done."""
        self._back(row, "listed", None)

    def _back(self, row: Row, state: str, reason: str | None) -> None:
        self._run(
            "UPDATE pictures SET state = ?, label = ?, probability = ?, reason = ?, "
            "wanted = NULL, suffix = NULL, destination = NULL WHERE number = ?",
            (state, _raw(row.label), row.probability, reason, row.number),
        )

    def forget(self, row: Row) -> None:
        """It was undone."""
        self._run("DELETE FROM pictures WHERE number = ?", (row.number,))

    def add_folder(self, folder: str) -> None:
        """One that is about to be made."""
        self._run("INSERT OR IGNORE INTO folders VALUES (?)", (_raw(folder),))

    def folders(self) -> list[str]:
        """Those that were made, the deepest first."""
        found = [os.fsdecode(path) for (path,) in self._run("SELECT path FROM folders")]
        return sorted(found, key=len, reverse=True)

    def count(self, state: str) -> int:
        """How many are in a state."""
        found = self._run("SELECT count(*) FROM pictures WHERE state = ?", (state,))
        return int(found.fetchone()[0])

    def counts(self) -> dict[tuple[str | None, str | None], int]:
        """How many were done, by label and by reason without its detail."""
        found = self._run(
            "SELECT label, CASE WHEN label IS NULL THEN '' ELSE reason END AS why, count(*) "
            "FROM pictures WHERE state = 'done' GROUP BY label, why"
        )
        return {(_text(label), reason): number for label, reason, number in found}


@contextlib.contextmanager
def opened(folder: Path, *, trial: bool = False) -> Iterator[Journal]:
    """The journal of a place, made if there is none; nobody else has it open.

    Args:
        folder: The place.
        trial: A new one in a temporary file without a name, which the place does not see.

    Raises:
        StoreError: Another sort is at work there; or the journal is damaged or cannot be written.
    """
    path = folder / JOURNAL
    connection = None
    try:
        connection = sqlite3.connect("" if trial else path, timeout=0)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_FORMAT};COMMIT;")
        _must_be_known(path, connection.execute("PRAGMA user_version").fetchone()[0])
        yield Journal(folder, connection, trial)
        connection.commit()
    except HeadstartError:
        raise
    except (sqlite3.Error, OSError) as error:
        raise _store_error(path, error) from error
    finally:
        if connection:
            connection.close()


def _must_be_known(path: Path, version: int) -> None:
    if version != _FORMAT:
        raise SettingError(
            f"{path} has format {version}: another version of headstart wrote it",
            f"format {_FORMAT}",
            "use that version, or choose another place",
        )


def _store_error(path: Path, error: Exception) -> StoreError:
    if "locked" in str(error):
        return StoreError(
            f"another sort is at work in {path.parent}",
            "one at a time in one place",
            "wait for it to end, or choose another place",
        )
    return StoreError(
        f"could not write in {path.parent}: {error}",
        "a place that can be written, with enough free space, and a journal as it was written",
        "free some space and run the same command again: it goes on where it was",
    )


def _row(values: tuple[Any, ...]) -> Row:
    number, path, label, probability, reason, digest, destination = values
    found = Row(number, os.fsdecode(path), _text(label), probability, reason, digest)
    return Row(**{**vars(found), "destination": _text(destination)})


def _raw(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else os.fsdecode(raw)
