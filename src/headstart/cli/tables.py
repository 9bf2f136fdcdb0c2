"""Plain text tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from headstart.datasets.manifest import first_of
from headstart.unusable import REASONS


def candidate_lines(rows: list[dict[str, Any]]) -> list[str]:
    """What was tried, best first; what was judged by a part of the pictures says so."""
    width = max(4, *(len(row["name"]) for row in rows))
    most = max(row["num_images"] for row in rows)
    lines = [f"{'head':<{width}}   cross-validated accuracy   log loss   seconds"]
    for row in rows:
        low, high = row["interval"]
        accuracy = f"{100 * row['score']:5.1f} %  ({100 * low:.1f} – {100 * high:.1f})"
        mark = "   ← chosen" if row["chosen"] else ""
        mark += f"   of {row['num_images']} pictures" if row["num_images"] < most else ""
        lines.append(
            f"{row['name']:<{width}}   {accuracy:<24}   {row['log_loss']:8.3f}   "
            f"{row['seconds']:7.1f}{mark}"
        )
    return lines


def unusable_lines(rows: list[dict[str, Any]], listed: Path | None = None) -> list[str]:
    """How many pictures could not be used, and why; nothing when all could."""
    if not rows:
        return []
    counts = Counter(row["reason"] for row in rows)
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    place = f"listed in {listed}"
    if listed is None:
        place = f"first: {first_of(row['path'] for row in rows)}"
        place += "; --json lists all" if len(rows) > 1 else ""
    return [f"{len(rows)} could not be used ({reasons}); {place}"]


def finding_lines(findings: list[dict[str, Any]]) -> list[str]:
    """What should have been mended before training, and what makes the figures mean less."""
    told = [finding for finding in findings if finding["severity"] != "note"]
    return [
        f"{finding['severity']}: {finding['message']}"
        + (" (headstart check lists them)" if finding["examples"] else "")
        for finding in told
        # Pictures that were left out are told of already.
        if finding["severity"] == "problem" or finding["kind"] not in REASONS
    ]
