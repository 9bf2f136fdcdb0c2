"""How similar the user's pictures are to what the backbone was pretrained on: an explanation.

It says where the pictures lie and how they differ; whether adapting the backbone pays is decided
by trying, not by this number.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.backbones.backbone import Backbone
from headstart.backbones.statistics import (
    PictureStatistics,
    Pretraining,
    picture_statistics,
    pretraining,
)
from headstart.files import canonical_json, readable_json, sha256, write_text
from headstart.images.decode import DECODER_VERSION
from headstart.strategy.distance import BATCH_NORM, LINE, distance
from headstart.strategy.references import Reference, percentile, references_of
from headstart.strategy.words import in_words

# Raise it when the same pictures give other numbers or words than before.
_VERSION = 4
_SEED = 0  # Of the resamples.
_MOST_PICTURES = 256
_FEWEST_PICTURES = 8
_CLASSES_SHOWN = 5
# Of the logistic axis: the scores of known sets, -4 to 5, take most of it.
_WIDTH = 1.5


@dataclass(frozen=True)
class Similarity:
    """How similar pictures are to a backbone's pretraining.

    Args:
        score, interval, thirds, noise, measured_by: See `distance.Distance`; lower is more similar.
        percentile: Share of the reference sets that are less similar, 0..100; None: there is no
            reference table for this backbone.
        percentile_interval: The same of the interval's ends.
        references: Name, score and percentile of each set, most similar first.
        words: All of this in one line.
        looks_like: What the network's own classifier takes the pictures for: class name and share
            of the pictures, the most frequent first; empty where the names are not known.
        num_images: How many pictures it was measured on.
        affinity: Mean largest cosine with a class prototype, -1..1; None without a linear
            classifier.
    """

    score: float
    interval: tuple[float, float]
    thirds: dict[str, float]
    noise: float
    measured_by: str
    percentile: float | None
    percentile_interval: tuple[float, float] | None
    references: tuple[tuple[str, float, float], ...]
    words: str
    looks_like: tuple[tuple[str, float], ...]
    num_images: int
    affinity: float | None

    def nearness(self, score: float) -> float | None:
        """Where a score lies between different (0) and similar (1), with the line at 0.5.

        Prototypes know no such line: the middle one of the reference sets stands for it; None
        where there are none.
        """
        if self.measured_by == BATCH_NORM:
            return 0.5 - 0.5 * math.tanh((score - LINE) / _WIDTH / 2)
        scores = [reference for _, reference, _ in self.references]
        return percentile(score, scores) / 100 if scores else None

    @property
    def is_similar(self) -> bool | None:
        """On which side of the line the pictures lie; None where there is none."""
        nearness = self.nearness(self.score)
        return None if nearness is None else nearness >= 0.5

    def to_json(self) -> dict[str, Any]:
        """For receipts and reports."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Similarity:
        """What ``to_json`` gave, also after a way through JSON."""
        between = record["percentile_interval"]
        return cls(
            **{
                **record,
                "interval": tuple(record["interval"]),
                "percentile_interval": tuple(between) if between else None,
                "references": tuple(tuple(row) for row in record["references"]),
                "looks_like": tuple(tuple(row) for row in record["looks_like"]),
            }
        )


def measure(
    backbone: Backbone,
    paths: Sequence[Path],
    digests: Sequence[bytes],
    *,
    cache: Path,
    threads: int | None = None,
) -> Similarity | None:
    """Measure at most 256 of the pictures, or find what was measured before.

    Neither which pictures are drawn nor the resamples depend on a seed: the same pictures, in
    whatever order, give the same numbers, and of nearly the same ones nearly all are known.

    Args:
        backbone: As `load_backbone` gave it.
        paths: Files; those that can no longer be read are left out.
        digests: Of each one's bytes, as `files.content_digest` gives it.
        cache: The cache folder; results are kept in ``similarity/``, what each picture gave in
            ``statistics/``.
        threads: None: chosen from the machine.

    Returns:
        None where there is nothing to measure: random weights, fewer than 8 pictures, or a network
        with neither batch norm nor a linear classifier.

    Raises:
        StoreError: The cache cannot be written.
    """
    source = pretraining(backbone)
    if source is None or not backbone.pretrained:
        return None
    drawn = _drawn(paths, digests)
    if len(drawn) < _FEWEST_PICTURES:
        return None
    references = references_of(backbone.fingerprint, cache)
    place = cache / "similarity" / f"{_key(backbone, drawn, references)}.json"
    kept = _kept(place)
    if kept is not None:
        return kept
    statistics = picture_statistics(backbone, list(drawn.values()), threads, cache)
    if statistics is None or len(statistics) < _FEWEST_PICTURES:
        return None
    found = similarity(statistics, source, references, _SEED)
    # Another time all of them may be readable.
    if found is not None and len(statistics) == len(drawn):
        write_text(place, readable_json(found.to_json()))
    return found


def similarity(
    statistics: PictureStatistics,
    source: Pretraining,
    references: Sequence[Reference],
    seed: int,
) -> Similarity | None:
    """The numbers and words of pictures that were read; None where nothing can be said."""
    found = distance(statistics, source, seed)
    if found is None:
        return None
    affinity = statistics.affinity
    scores = [reference.score for reference in references]
    low, high = found.interval
    return Similarity(
        **vars(found),
        percentile=percentile(found.score, scores) if scores else None,
        percentile_interval=(percentile(high, scores), percentile(low, scores)) if scores else None,
        references=tuple((r.name, r.score, percentile(r.score, scores)) for r in references),
        words=in_words(found, references, np.median(statistics.look, axis=0).tolist()),
        looks_like=looks_like(statistics.logits, source.classes),
        num_images=len(statistics),
        affinity=None if affinity is None else float(affinity.mean()),
    )


def looks_like(
    logits: npt.NDArray[np.float32] | None, names: Sequence[str] | None
) -> tuple[tuple[str, float], ...]:
    """The classes that the pictures are taken for, the most frequent first; at most five.

    Args:
        logits: float32 [N, K], or None.
        names: K names, or None.

    Returns:
        Class name and share of the pictures, 0..1.
    """
    if logits is None or names is None or logits.shape[1] != len(names):
        return ()
    shares = np.bincount(logits.argmax(axis=1), minlength=len(names)) / len(logits)
    first = np.argsort(-shares, kind="stable")[:_CLASSES_SHOWN]
    return tuple((names[index], float(shares[index])) for index in first if shares[index] > 0)


def _drawn(paths: Sequence[Path], digests: Sequence[bytes]) -> dict[bytes, Path]:
    """Those with the smallest digests, which is as good as drawing lots; of copies one."""
    smallest = heapq.nsmallest(_MOST_PICTURES, set(digests))
    places = {digest: place for place, digest in enumerate(digests)}
    return {digest: paths[places[digest]] for digest in smallest}


def _key(backbone: Backbone, drawn: Iterable[bytes], references: Sequence[Reference]) -> str:
    """Names everything that decides the result."""
    asked = {
        "version": _VERSION,
        "backbone": backbone.fingerprint,
        "decoder": DECODER_VERSION,
        "pictures": [digest.hex() for digest in drawn],
        "references": [reference.to_json() for reference in references],
    }
    return sha256(canonical_json(asked).encode())


def _kept(place: Path) -> Similarity | None:
    try:
        return Similarity.from_json(json.loads(place.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None
