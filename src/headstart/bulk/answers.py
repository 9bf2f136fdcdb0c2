"""Pictures to rows of Parquet: the same numbers as every other door, and the same words."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from headstart.backbones.engine import num_cores
from headstart.backbones.reading import Outcome
from headstart.bulk import places
from headstart.bulk.sources import Content, Reference, contents
from headstart.errors import UnusableImage
from headstart.in_order import in_order
from headstart.model.classifier import Classifier
from headstart.model.prediction import Prediction

# Twice the cores keeps every core busy while other threads decode; a network is slow to answer.
_THREADS_PER_CORE, _FETCHING_PER_CORE = 2, 16
# So many wait in order for a slow one.
_AHEAD_PER_THREAD = 8
# Plain values are large: they become columns in small steps, and a row group is many of these.
_ROWS_A_STEP, _STEPS_A_GROUP = 256, 32


@dataclass
class Counts:
    """What stands in rows of answers.

    Args:
        rows: Pictures.
        unusable: Those that could not be used.
        labels: Pictures by label.
        reasons: Pictures by the word that says why they are unsure or unusable.
    """

    rows: int = 0
    unusable: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, label: str | None, reason: str | None) -> None:
        """One row more."""
        self.rows += 1
        if label is None:
            self.unusable += 1
        else:
            self.labels[as_text(label)] += 1
        if reason is not None:
            self.reasons[reason.partition(":")[0]] += 1

    def update(self, other: Counts) -> None:
        """All rows of another."""
        self.rows += other.rows
        self.unusable += other.unusable
        self.labels.update(other.labels)
        self.reasons.update(other.reasons)

    def of(self, rows: Iterable[Answer]) -> Iterator[Answer]:
        """The same rows, counted as they pass."""
        for row in rows:
            self.add(row.prediction.label, row.prediction.reason)
            yield row

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        ordered = {name: dict(sorted(vars(self)[name].items())) for name in ("labels", "reasons")}
        counts: dict[str, Any] = {"rows": self.rows, "unusable": self.unusable, **ordered}
        return counts


class Answer(NamedTuple):
    """A prediction, and how far the picture is from those of training (None: not usable)."""

    prediction: Prediction
    distance: float | None


def answers(
    classifier: Classifier, named: Iterable[Reference], folder: Path, threads: int | None = None
) -> Iterator[Answer]:
    """One answer a picture, in order, in memory that does not grow with their number.

    Args:
        classifier: A loaded one.
        named: The pictures.
        folder: Where relative paths begin.
        threads: Processor cores to use; None: all of them.
    """

    def one(content: Content) -> Outcome:
        try:
            if isinstance(content, UnusableImage):
                raise content
            source = places.read(content) if isinstance(content, str) else content
        except UnusableImage as failure:
            return Outcome(b"", failure=failure)
        return classifier.outcome(source)

    ours, theirs, first = itertools.tee(named, 3)
    from_afar = any(places.is_url(one.path) for one in itertools.islice(first, 1))
    del first
    per_core = _FETCHING_PER_CORE if from_afar else _THREADS_PER_CORE
    workers = per_core * (threads or num_cores())
    outcomes = in_order(one, contents(theirs, folder), workers, _AHEAD_PER_THREAD, "bulk")
    for reference, outcome in zip(ours, outcomes, strict=True):
        distance = float(outcome.outputs["distance"][0]) if outcome.outputs else None
        yield Answer(classifier.prediction(reference.name, outcome), distance)


def schema(with_sets: bool, mark: dict[str, Any] | None = None) -> Any:
    """The columns: the keys of the JSON, and ``distance``.

    Args:
        with_sets: Whether there is a column of sets.
        mark: Plain values that the file's metadata keep.
    """
    import pyarrow as pa

    ranked = pa.struct([("label", pa.string()), ("probability", pa.float64())])
    fields = [
        ("path", pa.string()),
        ("label", pa.string()),
        ("probability", pa.float64()),
        ("ranking", pa.list_(ranked)),
        ("unsure", pa.bool_()),
        ("reason", pa.string()),
        ("distance", pa.float64()),
    ]
    if with_sets:
        fields.append(("set", pa.list_(pa.string())))
    return pa.schema(fields, {"headstart": json.dumps(mark)} if mark else None)


def write(path: Path, rows: Iterable[Answer], columns: Any, top: int | None = None) -> None:
    """Write a Parquet file row group by row group: memory does not grow with their number.

    Args:
        path: The file; an older one is overwritten.
        rows: Its rows.
        columns: What `schema` gave.
        top: How many classes are ranked; None: all.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Without statistics every byte that matters is guarded: pages by their checksums, the rest by
    # being compared with what it must be.
    options = {"compression": "zstd", "write_page_checksum": True, "write_statistics": False}
    with pq.ParquetWriter(path, columns, **options) as writer:
        steps = _steps(iter(rows), columns, top)
        while group := list(itertools.islice(steps, _STEPS_A_GROUP)):
            writer.write_table(pa.concat_tables(group))


def _steps(rows: Iterator[Answer], columns: Any, top: int | None) -> Iterator[Any]:
    import pyarrow as pa

    while step := list(itertools.islice(rows, _ROWS_A_STEP)):
        values = [as_text(row.prediction.to_json(top)) | {"distance": row.distance} for row in step]
        yield pa.Table.from_pylist(values, columns)


def as_text(value: Any) -> Any:
    """Names of files and classes need not be text; what is none is spelled out."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case list():
            return [as_text(each) for each in value]
        case dict():
            return {key: as_text(each) for key, each in value.items()}
    return value
