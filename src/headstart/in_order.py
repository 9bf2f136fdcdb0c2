"""Work on many things from several threads, their results in the order of the things."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def in_order(
    work: Callable[[S], T], things: Iterable[S], threads: int, ahead: int, name: str
) -> Iterator[T]:
    """``work(thing)`` of each, begun a few things ahead of who asks: memory stays flat.

    Args:
        work: Called from many threads.
        things: Taken one by one, as there is room.
        threads: How many work at once.
        ahead: How many for each thread are begun before the first is asked for.
        name: Of the threads.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix=f"headstart-{name}")
    waiting: collections.deque[Future[T]] = collections.deque()
    try:
        for thing in things:
            waiting.append(pool.submit(work, thing))
            if len(waiting) >= ahead * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
