"""Lines to tables: means and counts, in Markdown."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from panels.coverage import Stated, agrees, contains
from panels.lines import Record

_TEMPLATE = Path(__file__).parents[1] / "panel.md"
_RULES = ("decision map", "four-case table", "always freeze", "always partial", "always full")


def tables(records: Sequence[Record]) -> str:
    """All tables that there is something for, under their titles."""
    parts = [f"## {title}\n\n{table}" for title, table in _titled(records) if table]
    return "\n\n".join(parts) or "Nothing was measured yet."


def page(records: Sequence[Record]) -> str:
    """The page of the docs."""
    measured = [record for record in records if "error" not in record]
    commits = ", ".join(dict.fromkeys(r["commit"] for r in measured if r.get("commit")))
    template = _TEMPLATE.read_text(encoding="utf-8")
    return template.format(tables=tables(records), commits=commits or "none")


def _titled(records: Sequence[Record]) -> list[tuple[str, str]]:
    records = _named(records)
    measured = [record for record in records if "error" not in record]
    cells = _furthest([record for record in measured if record["kind"] == "cell"])
    claims = [record for record in measured if record["kind"] == "claim"]
    climbed = [record for record in cells if len(record["ladder"]) > 1]
    given = [record for record in cells if not _is_pooled(record)]
    judged = [record for record in claims if "regret" in record]
    return [
        ("The head chosen among the frozen ones", _heads(given)),
        ("The same, judged by a large set as population", _heads_of_samples(judged)),
        ("Frozen or adapted", _rungs(climbed)),
        # Where nothing but the frozen rung was run, following a rule mostly costs nothing.
        ("The chooser and the rules of thumb", _guides(climbed or cells)),
        ("The quadrant and the best rung", _quadrants(climbed)),
        ("The gain that was predicted and the real one", _gains(climbed)),
        ("The accuracy that was claimed and the true one", _cell_claims(given)),
        ("A large set as population", _claims(claims)),
        ("What could not be measured", _errors(records)),
    ]


def _named(records: Sequence[Record]) -> list[Record]:
    """With the backbone in the name where there are several, and whether a split was left aside."""
    several = len({record.get("backbone") for record in records}) > 1

    def name(record: Record) -> str:
        backbone = [record["backbone"]] if several else []
        return " · ".join([record["dataset"], *backbone, *["pooled"][: _is_pooled(record)]])

    return [{**record, "dataset": name(record)} for record in records]


def _is_pooled(record: Record) -> bool:
    return bool(record.get("pooled"))


def _furthest(cells: Sequence[Record]) -> list[Record]:
    """Of a cell that was measured more than once, the line with the most rungs."""
    kept: dict[tuple[Any, ...], Record] = {}
    for record in sorted(cells, key=lambda record: len(record["ladder"])):
        kept[record["dataset"], record["per_class"], record["seed"]] = record
    return list(kept.values())


def _heads(cells: Sequence[Record]) -> str:
    """One line for each dataset and number of pictures."""
    header = (
        "set",
        "pictures a class",
        "cells",
        "training",
        "test",
        "chosen",
        "best on the test",
        "regret",
        "regret, split halves",
        "beaten",
        "seconds",
    )

    def row(group: Sequence[Record]) -> list[str]:
        chosen = [_chosen(record)["accuracy"] for record in group]
        best = [max(each["accuracy"] for each in record["candidates"]) for record in group]
        return [
            str(len(group)),
            f"{fmean(record['num_train'] for record in group):.0f}",
            f"{fmean(record['num_test'] for record in group):.0f}",
            _percent(chosen),
            _percent(best),
            _points(record["regret_of_candidate"]["raw"] for record in group),
            _points(record["regret_of_candidate"]["split_half"] for record in group),
            _count(record["regret_of_candidate"].get("beaten") for record in group),
            f"{fmean(record['seconds']['choose'] for record in group):.1f}",
        ]

    return _by_set(cells, header, row, "per_class")


def _heads_of_samples(claims: Sequence[Record]) -> str:
    """One line for each dataset and number of pictures drawn."""
    header = (
        "set",
        "pictures",
        "samples",
        "judged by",
        "chosen",
        "best there",
        "regret",
        "regret, split halves",
        "beaten",
    )

    def row(group: Sequence[Record]) -> list[str]:
        best = [max(each["accuracy"] for each in r["candidates"].values()) for r in group]
        return [
            str(len(group)),
            f"{fmean(record['num_rest'] for record in group):.0f}",
            _percent(record["truth"]["accuracy"] for record in group),
            _percent(best),
            _points(record["regret"]["raw"] for record in group),
            _points(record["regret"]["split_half"] for record in group),
            _count(record["regret"].get("beaten") for record in group),
        ]

    return _by_set(claims, header, row, "num")


def _rungs(cells: Sequence[Record]) -> str:
    header = (
        "set",
        "pictures a class",
        "cells",
        "freeze",
        "best partial",
        "full",
        "delivered",
        "taken",
        "regret",
        "regret, split halves",
        "beaten",
        "seconds",
    )

    def row(group: Sequence[Record]) -> list[str]:
        taken = Counter(record["chosen"]["name"] for record in group)
        return [
            str(len(group)),
            *(_percent(_best_of(group, strategy)) for strategy in ("freeze", "partial", "full")),
            _percent(record["truth"]["accuracy"] for record in group),
            ", ".join(f"{name} {count}" for name, count in taken.most_common()),
            _points(record["regret_of"]["headstart"]["raw"] for record in group),
            _points(record["regret_of"]["headstart"]["split_half"] for record in group),
            _count(record["regret_of"]["headstart"].get("beaten") for record in group),
            f"{fmean(sum(record['seconds'].values()) for record in group):.0f}",
        ]

    return _by_set(cells, header, row, "per_class")


def _guides(cells: Sequence[Record]) -> str:
    """Each rule against the chooser, on the cells where the rule's rung was run."""
    rows = []
    for rule in _RULES:
        known = [record["regret_of"] for record in cells if rule in record["regret_of"]]
        if not known:
            rows.append([rule, "0", *["not run"] * 4])
            continue
        rows.append(
            [
                rule,
                str(len(known)),
                *(
                    _points(regret[who][kind] for regret in known)
                    for kind in ("raw", "split_half")
                    for who in (rule, "headstart")
                ),
            ]
        )
    header = (
        "rule",
        "cells",
        "its regret",
        "ours there",
        "its regret, split halves",
        "ours there, split halves",
    )
    return _table(header, rows) if cells else ""


def _quadrants(cells: Sequence[Record]) -> str:
    """How often which rung was the best where, ties to the cheaper."""
    counts = Counter((record["quadrant"], _best_strategy(record)) for record in cells)
    words = ("freeze", "partial", "full")
    rows = [
        [f"{quadrant or 'not known'}", *(str(counts[quadrant, word]) for word in words)]
        for quadrant in (1, 2, 3, 4, None)
        if any(counts[quadrant, word] for word in words)
    ]
    header = ("quadrant", *(f"{word} is best" for word in words))
    return _table(header, rows) if rows else ""


def _gains(cells: Sequence[Record]) -> str:
    """Of the best rung of each kind over the frozen candidate."""
    rows = []
    for strategy in ("partial", "full"):
        pairs = [
            (record["expectation"], found[0] - _best_of([record], "freeze")[0])
            for record in cells
            if (found := _best_of([record], strategy))
        ]
        if pairs:
            inside = sum(told["low"] <= gain <= told["high"] for told, gain in pairs)
            rows.append(
                [
                    strategy,
                    str(len(pairs)),
                    _points(told["middle"] for told, _ in pairs),
                    _points(gain for _, gain in pairs),
                    f"{100 * fmean(abs(told['middle'] - gain) for told, gain in pairs):.2f}",
                    f"{inside} of {len(pairs)}",
                ]
            )
    header = (
        "rung",
        "cells",
        "predicted",
        "real",
        "mean distance",
        "inside the interval (about 80 % are meant to be)",
    )
    return _table(header, rows) if rows else ""


def _cell_claims(cells: Sequence[Record]) -> str:
    header = ("set", "pictures a class", "cells", "claimed", "true", "bias", *_COVERAGE)

    def row(group: Sequence[Record]) -> list[str]:
        return [str(len(group)), *_honesty([(each["claim"], each["truth"]) for each in group])]

    return _by_set(cells, header, row, "per_class")


def _claims(claims: Sequence[Record]) -> str:
    """The corrected held-out accuracy, then the drawn test part; and the bias of what is naive."""
    header = (
        "set",
        "pictures",
        "resamples",
        "estimate",
        "claimed",
        "true",
        "bias",
        *_COVERAGE,
    )
    names = {"corrected": "held out, corrected for choosing", "drawn_test": "drawn test part"}
    rows = []
    for (name, num), group in _grouped(claims, ("dataset", "num")):
        rows += [
            [name, num, str(len(group)), words, *_honesty([(r[k], r["truth"]) for r in group])]
            for k, words in names.items()
        ]
    if not rows:
        return ""
    everything = [
        ["**all**", "", str(len(claims)), words, *_honesty([(r[k], r["truth"]) for r in claims])]
        for k, words in names.items()
    ]
    naive = [
        ["**all**", "", str(len(claims)), words, *_bias_only(claims, key)]
        for key, words in (
            ("chosen_held_out", "held out, not corrected"),
            ("best_held_out", "best of all held out"),
        )
    ]
    return _table(header, [*rows, *everything, *naive])


_COVERAGE = ("interval contains it", "contains it, allowing for the test's own error")


def _honesty(pairs: Sequence[tuple[dict[str, float], dict[str, float]]]) -> list[str]:
    """Claimed, true, bias, and the two coverages."""
    stated = [(Stated(**claim), Stated(**truth)) for claim, truth in pairs]
    return [
        _percent(claim.accuracy for claim, _ in stated),
        _percent(truth.accuracy for _, truth in stated),
        _points([claim.accuracy - truth.accuracy for claim, truth in stated], with_error=True),
        _share([contains(*pair) for pair in stated]),
        _share([agrees(*pair) for pair in stated]),
    ]


def _bias_only(claims: Sequence[Record], key: str) -> list[str]:
    gaps = [record[key] - record["truth"]["accuracy"] for record in claims]
    return [
        _percent(record[key] for record in claims),
        _percent(record["truth"]["accuracy"] for record in claims),
        _points(gaps, with_error=True),
        "",
        "",
    ]


def _errors(records: Sequence[Record]) -> str:
    failed = [record for record in records if "error" in record]
    rows = []
    for (name, _), group in _grouped(failed, ("dataset", "kind")):
        # Names without their folders: where somebody keeps pictures is nobody's business.
        first = re.sub(r"\S*/(?=\S)", "", group[0]["error"].splitlines()[0]).replace("|", "/")
        rows.append([name, str(len(group)), first])
    return _table(("set", "lines", "the first error"), rows) if rows else ""


def _by_set(
    records: Sequence[Record],
    header: Sequence[str],
    row: Callable[[Sequence[Record]], list[str]],
    number: str,
) -> str:
    """A line for each set and number of pictures, and one of all."""
    if not records:
        return ""
    rows = [
        [name, num, *row(group)] for (name, num), group in _grouped(records, ("dataset", number))
    ]
    return _table(header, [*rows, ["**all**", "", *row(records)]])


def _grouped(
    records: Sequence[Record], names: tuple[str, str]
) -> list[tuple[tuple[str, str], list[Record]]]:
    """By two fields, the second in order of size."""
    groups: dict[tuple[Any, Any], list[Record]] = {}
    for record in records:
        groups.setdefault((record.get(names[0]), record.get(names[1])), []).append(record)

    def place(key: tuple[Any, Any]) -> tuple[str, float]:
        return key[0], key[1] if isinstance(key[1], int) else math.inf

    return [
        ((key[0], "all" if key[1] is None else str(key[1])), groups[key])
        for key in sorted(groups, key=place)
    ]


def _chosen(record: Record) -> dict[str, Any]:
    return next(each for each in record["candidates"] if each["chosen"])


def _best_of(records: Iterable[Record], strategy: str) -> list[float]:
    """The most accurate rung of a strategy, of each record that has one."""
    found = [
        [rung["accuracy"] for rung in record["ladder"].values() if rung["strategy"] == strategy]
        for record in records
    ]
    return [max(each) for each in found if each]


def _best_strategy(record: Record) -> str:
    rungs = record["ladder"].values()
    return str(
        max(rungs, key=lambda rung: (rung["accuracy"], rung["strategy"] == "freeze"))["strategy"]
    )


def _percent(shares: Iterable[float]) -> str:
    values = list(shares)
    return f"{100 * fmean(values):.1f} %" if values else "–"


def _points(shares: Iterable[float], with_error: bool = False) -> str:
    """Mean in percentage points, with its standard error where several were averaged."""
    values = [100 * share for share in shares]
    error = f" ± {stdev(values) / math.sqrt(len(values)):.2f}" if len(values) > 1 else ""
    return f"{fmean(values):+.2f}{error if with_error else ''}"


def _count(flags: Iterable[bool | None]) -> str:
    """How many, where all were asked."""
    asked = list(flags)
    return "–" if None in asked else str(sum(map(bool, asked)))


def _share(flags: Sequence[bool]) -> str:
    return f"{100 * fmean(flags):.0f} % of {len(flags)}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
