"""Shards on this machine, one after the other, each on all cores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headstart.bulk.shards import Job, Part, work
from headstart.progress import Progress


def run(job: Job, numbers: Iterable[int], progress: Progress) -> Iterator[Part]:
    """Each shard's part, as it is done.

    Args:
        job: Whose shards.
        numbers: Which of them.
        progress: Advanced picture by picture.
    """
    for number in numbers:
        yield work(job, number, progress.advance)
