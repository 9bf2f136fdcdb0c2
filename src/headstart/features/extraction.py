"""One pass over the pictures: what the store has is reused, what it lacks is computed and kept."""

from __future__ import annotations

import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from headstart.backbones.backbone import Backbone
from headstart.backbones.devices import CPU, engine_on
from headstart.backbones.engine import LazyEngine, Runs
from headstart.backbones.reading import Outcome, read_through
from headstart.features.feature_set import FeatureSet
from headstart.features.store import FeatureStore, Row
from headstart.progress import Progress, Silent
from headstart.unusable import Unusable

# What a killed run loses at most.
_SHARD_ROWS = 512


def extract(
    paths: Iterable[Path],
    names: Sequence[str],
    backbone: Backbone,
    store: FeatureStore,
    *,
    threads: int | None = None,
    device: str = CPU,
    progress: Progress | None = None,
) -> FeatureSet:
    """Features of every picture that can be used.

    Args:
        paths: Files.
        names: What to call each in the list of unusable ones.
        backbone: Whose features.
        store: Where they are kept.
        threads: None: chosen from the machine.
        device: Where the network is run, as for `devices.device_of`. The features are the same.
        progress: Told picture by picture.

    Raises:
        StoreError: The store cannot be written.
        SettingError: The device is not there.
    """
    progress = progress or Silent()

    def engine() -> Runs:
        precision, say = backbone.precision, progress.say
        names = backbone.tap_names
        return engine_on(device, backbone.graph, names, threads, precision, say=say)

    progress.start("features", len(names))
    digests: list[bytes] = []
    indices = array.array("q")
    unusable: list[Unusable] = []
    writer = _Writer(store)
    outcomes = read_through(
        paths,
        LazyEngine(engine),
        backbone.preprocessing,
        known=store.__contains__,
        with_facts=True,
        threads=2 * threads if threads else None,
    )
    try:
        for index, outcome in enumerate(outcomes):
            if outcome.failure is not None:
                failure = outcome.failure
                unusable.append(Unusable(names[index], failure.reason, failure.detail))
            else:
                writer.take(outcome)
                indices.append(index)
                digests.append(outcome.digest)
            progress.advance()
    finally:
        # Also on Ctrl-C: what was computed is kept, and the next run goes on from there.
        writer.flush()
        progress.stop()
    taps, facts = store.load(digests)
    return FeatureSet(
        indices=np.array(indices, dtype=np.int64),
        taps=taps,
        facts=facts,
        unusable=tuple(unusable),
        computed=writer.computed,
        reused=sum(map(store.had, digests)),
    )


class _Writer:
    """Gathers fresh outcomes into shards."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self._rows: dict[bytes, Row] = {}
        self.computed = 0

    def take(self, outcome: Outcome) -> None:
        if outcome.outputs is None or outcome.facts is None or outcome.digest in self._rows:
            return
        self._rows[outcome.digest] = (outcome.digest, outcome.outputs, outcome.facts)
        self.computed += 1
        if len(self._rows) >= _SHARD_ROWS:
            self.flush()

    def flush(self) -> None:
        rows, self._rows = list(self._rows.values()), {}
        self._store.add(rows)
