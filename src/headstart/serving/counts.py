"""What is counted while serving, in the text format that Prometheus reads.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator

from headstart.model.prediction import Prediction

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_TABLE = {
    "requests_total": ("counter", "Requests answered, by endpoint and status."),
    "request_seconds": ("histogram", "Seconds from a header to the end of its answer, of POST."),
    "pictures_total": ("counter", "Pictures, by what became of them."),
    "predictions_total": ("counter", "Pictures answered, by the label that is most probable."),
    "picture_seconds_total": ("counter", "Seconds spent on pictures that were answered, by step."),
    "reloads_total": ("counter", "Bundles that took the place of the one before, or were refused."),
    "requests_in_progress": ("gauge", "Requests being worked on."),
    "bytes_held": ("gauge", "Bytes of requests in memory."),
    "decoders_started_total": ("counter", "Decoding processes begun; more than cores: some died."),
    "bundle_loaded_seconds": ("gauge", "When the bundle was loaded, in seconds since 1970."),
}

Labels = tuple[tuple[str, str], ...]


class Counts:
    """Counters, added to from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, Labels], float] = defaultdict(float)

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Count something of the table above."""
        with self._lock:
            self._values[name, tuple(labels.items())] += amount

    def spend(self, step: str, seconds: float) -> None:
        """Time spent on one picture."""
        self.add("picture_seconds_total", seconds, step=step)

    def picture(self, prediction: Prediction) -> None:
        """One picture was answered, or could not be used."""
        reason = (prediction.reason or "").partition(":")[0]
        if prediction.label is None:
            self.add("pictures_total", outcome="unusable", reason=reason)
            return
        outcome = "unsure" if prediction.unsure else "sure"
        self.add("pictures_total", outcome=outcome, reason=reason)
        self.add("predictions_total", label=prediction.label)

    def request(self, endpoint: str, status: int, seconds: float, *, timed: bool) -> None:
        """One request was answered."""
        self.add("requests_total", endpoint=endpoint, status=str(status))
        if timed:
            for limit in (*_BUCKETS, float("inf")):
                self.add("request_seconds_bucket", seconds <= limit, le=_number(limit))
            self.add("request_seconds_sum", seconds)
            self.add("request_seconds_count")

    def text(self, now: dict[str, float]) -> str:
        """Everything, and values that are not counted but looked up now, by name."""
        with self._lock:
            values = dict(self._values)
        values |= {(name, ()): value for name, value in now.items()}
        return "".join(line + "\n" for line in _lines(values))


def _lines(values: dict[tuple[str, Labels], float]) -> Iterator[str]:
    for name, (kind, meaning) in _TABLE.items():
        yield f"# HELP headstart_{name} {meaning}"
        yield f"# TYPE headstart_{name} {kind}"
        parts = [f"{name}_{part}" for part in ("bucket", "sum", "count")]
        for part in parts if kind == "histogram" else [name]:
            rows = [(labels, value) for (one, labels), value in values.items() if one == part]
            for labels, value in sorted(rows, key=_order):
                yield f"headstart_{part}{_braces(labels)} {_number(value)}"


def _order(row: tuple[Labels, float]) -> tuple[float, Labels]:
    labels = row[0]
    return (float(labels[0][1]) if labels and labels[0][0] == "le" else 0.0), labels


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels) + "}"


def _escaped(text: str) -> str:
    plain = text.encode("utf-8", "backslashreplace").decode()
    return plain.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return "+Inf" if value == float("inf") else f"{value:.15g}"
