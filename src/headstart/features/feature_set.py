"""The features of a dataset, one row a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from headstart.datasets.facts import Facts
from headstart.feature_rows import Features, some_of
from headstart.unusable import Unusable


class Taps(Mapping[str, Features]):
    """Features by tap name, each read when it is first asked for: checks never need them.

    Args:
        names: In order of depth.
        read: float32 [N, D] of one tap.
    """

    def __init__(self, names: Iterable[str], read: Callable[[str], Features]) -> None:
        self._values: dict[str, Features | None] = dict.fromkeys(names)
        self._read = read

    def __getitem__(self, name: str) -> Features:
        values = self._values[name]
        if values is None:
            values = self._values[name] = self._read(name)
        return values

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features at every tap, and what the files are.

    Args:
        indices: int64 [N], which of the given pictures the rows are: the usable ones, in order.
        taps: float32 [N, D] by tap name, in order of depth.
        facts: What each file is, N rows.
        unusable: The pictures that are not among the rows, each with its reason.
        computed: How many pictures went through the backbone now; copies go through once.
        reused: How many rows were in the store before.
    """

    indices: npt.NDArray[np.int64]
    taps: Mapping[str, Features]
    facts: Facts
    unusable: tuple[Unusable, ...]
    computed: int
    reused: int

    def __len__(self) -> int:
        return len(self.indices)

    def joined(self, names: Sequence[str], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """float32 [len(rows), sum of D]: the taps side by side."""
        return np.concatenate([self.taps[name][rows] for name in names], axis=1)

    def behind(self, others: FeatureSet, name: str) -> FeatureSet:
        """The taps of others, of the same rows, and behind them the last of these by a new name."""
        last = tuple(self.taps)[-1]

        def read(tap: str) -> Features:
            return self.taps[last] if tap == name else others.taps[tap]

        return replace(self, taps=Taps((*others.taps, name), read))

    def select(self, rows: npt.NDArray[np.int64]) -> FeatureSet:
        """Some rows, in that order; a tap is read when it is first asked for, as before."""
        return replace(
            self,
            indices=self.indices[rows],
            taps=Taps(self.taps, lambda name: some_of(self.taps[name], rows)),
            facts=self.facts.select(rows),
            computed=0,
            reused=len(rows),
        )
