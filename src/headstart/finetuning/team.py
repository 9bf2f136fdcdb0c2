"""Who trains together: one process alone, or several that share each batch and each step.

All of a team hold the same weights. Each takes its part of a batch; gradients are added up, so a
step is the one that a process alone would have made of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import torch
from torch import Tensor, distributed

Result = TypeVar("Result")


class Team(Protocol):
    """Several processes, or one."""

    @property
    def rank(self) -> int:
        """Which one this is; 0 decides, writes and speaks."""

    @property
    def size(self) -> int:
        """How many there are."""

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Put the sums over all processes in place."""

    def agreed(self, make: Callable[[], Tensor], like: Tensor) -> Tensor:
        """What the first process makes, in all of them; ``like`` has its shape and kind."""

    def wait(self) -> None:
        """Until all of them are here."""


class Alone:
    """One process."""

    rank, size = 0, 1

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Nothing to add."""

    def agreed(self, make: Callable[[], Tensor], like: Tensor) -> Tensor:
        """What it makes."""
        return make()

    def wait(self) -> None:
        """For nobody."""


class Together:
    """The processes of ``torch.distributed``, which must have been set up."""

    def __init__(self) -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()

    def add(self, tensors: Iterable[Tensor]) -> None:
        """One message for all of them."""
        given = list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in given])
        distributed.all_reduce(flat)
        start = 0
        for tensor in given:
            tensor.copy_(flat[start : start + tensor.numel()].view(tensor.shape))
            start += tensor.numel()

    def agreed(self, make: Callable[[], Tensor], like: Tensor) -> Tensor:
        """Sent by the first to the others."""
        found = make().contiguous() if self.rank == 0 else torch.empty_like(like)
        distributed.broadcast(found, 0)
        return found

    def wait(self) -> None:
        """At a barrier."""
        distributed.barrier()


def first_then_all(team: Team, work: Callable[[], Result]) -> Result:
    """The others do it when the first has done it, and find what it wrote."""
    if team.rank:
        team.wait()
    done = work()
    if not team.rank:
        team.wait()
    return done


def part_of(team: Team, length: int) -> tuple[slice, float]:
    """This process's part of a batch, and the weight of its gradients.

    A batch with fewer pictures than processes is computed by all of them.
    """
    if length < team.size:
        return slice(0, length), 1 / team.size
    start, end = (length * place // team.size for place in (team.rank, team.rank + 1))
    return slice(start, end), 1.0
