"""One shard: its pictures to its file of results, written whole; and the proof that it is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from headstart.backbones.devices import AUTO
from headstart.bulk.answers import Counts, answers, as_text, schema, write
from headstart.bulk.plan import Plan, read
from headstart.errors import StoreError
from headstart.files import sha256_file, written_whole
from headstart.model.classifier import Classifier

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """What stands in the file of a shard.

    Args:
        number: The shard's, from 0.
        counts: Of its rows.
        sha256: Of the file.
    """

    number: int
    counts: Counts
    sha256: str


@dataclass(frozen=True)
class Job:
    """What whoever works on shards must know: little, as it is sent to other machines.

    Args:
        out: The folder of the results, with the plan in it.
        plan_id: Of that plan.
        threads: Processor cores to use for a shard; None: all of them.
        device: Where the network is run, as for `model.classifier.load`.
    """

    out: Path
    plan_id: str
    threads: int | None = None
    device: str = AUTO


def work(job: Job, number: int, advance: Callable[[], None] = lambda: None) -> Part:
    """Do a shard, again if it was done before: the same rows in a file of the same name.

    Args:
        job: Whose shard.
        number: Which one.
        advance: Called after each picture.

    Raises:
        StoreError: The file cannot be written, or the plan is another one by now.
        BundleError: The classifier is another one by now.
    """
    plan, classifier = _ready(job)
    threads = job.threads
    rows = answers(classifier, plan.references(number), plan.folder, threads)
    with written_whole(plan.part(number)) as temporary:
        write(temporary, _each(rows, advance), _columns(plan, number), plan.settings.top)
    part = look(plan, number)
    assert part is not None
    return part


def look(plan: Plan, number: int) -> Part | None:
    """What stands in a shard's file; None: it is not there, damaged, or of another plan."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, columns = plan.part(number), _columns(plan, number)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            found = file.schema_arrow
            if found != columns or found.metadata != columns.metadata:
                return None
            table = file.read()
        digest = sha256_file(path)
    except (OSError, pa.ArrowException):
        return None
    names = [as_text(one.name) for one in plan.references(number)]
    if table["path"].to_pylist() != names:
        return None
    counts = Counts()
    for label, reason in zip(
        *(table[name].to_pylist() for name in ("label", "reason")), strict=True
    ):
        counts.add(label, reason)
    return Part(number, counts, digest)


# One plan and one classifier for all shards that a process works on.
@functools.lru_cache(maxsize=1)
def _ready(job: Job) -> tuple[Plan, Classifier]:
    plan = read(job.out)
    if plan.id != job.plan_id:
        raise StoreError(
            f"the plan in {job.out} was replaced",
            "the plan that this run began with",
            "run the same command again",
        )
    return plan, plan.classifier(job.threads, job.device)


def _columns(plan: Plan, number: int) -> Any:
    return schema(plan.settings.sets is not None, {"plan": plan.id, "shard": number})


def _each(things: Iterable[T], then: Callable[[], None]) -> Iterator[T]:
    for thing in things:
        yield thing
        then()
