from __future__ import annotations

from typing import Any

from panels.tables import tables


def cell(seed: int, frozen: float, partial: float, taken: str, quadrant: int) -> dict[str, Any]:
    best, own = max(frozen, partial), partial if taken == "top1" else frozen
    regrets = {"headstart": best - own, "decision map": best - partial}
    regrets |= {"always freeze": best - frozen, "always partial": best - partial}
    return {
        "kind": "cell",
        "dataset": "pets",
        "per_class": None,
        "seed": seed,
        "num_train": 100,
        "num_test": 200,
        "candidates": [
            {"name": "ridge", "accuracy": frozen, "chosen": True},
            {"name": "svm", "accuracy": frozen + 0.1, "chosen": False},
        ],
        "ladder": {
            "freeze": {"strategy": "freeze", "accuracy": frozen},
            "top1": {"strategy": "partial", "accuracy": partial},
        },
        "chosen": {"name": taken, "strategy": ""},
        "regret_of_candidate": {"raw": 0.1, "split_half": 0.04, "beaten": seed < 2},
        "regret_of": {
            who: {"raw": r, "split_half": r / 2, "beaten": r > 0.05} for who, r in regrets.items()
        },
        "quadrant": quadrant,
        "expectation": {"low": -0.02, "middle": 0.01, "high": 0.05},
        "claim": {"accuracy": own + 0.02, "low": own - 0.05, "high": own + 0.05},
        "truth": {"accuracy": own, "low": own - 0.04, "high": own + 0.04},
        "seconds": {"choose": 2.0, "tune": 8.0},
    }


RECORDS = [
    cell(0, 0.70, 0.80, "freeze", 3),  # ten points were left; the gain was not foreseen
    cell(1, 0.72, 0.74, "top1", 3),
    cell(2, 0.74, 0.71, "freeze", 4),
    {"kind": "cell", "dataset": "toys", "error": "NotEnoughData: a | b in ../data/toys\nfix: c"},
]


def test_means_and_counts() -> None:
    lines = tables(RECORDS).splitlines()
    for line in (
        "| pets | all | 3 | 100 | 200 | 72.0 % | 82.0 % | +10.00 | +4.00 | 2 | 2.0 |",
        "| pets | all | 3 | 72.0 % | 75.0 % | – | 72.7 % | freeze 2, top1 1 | +3.33 | +1.67 | 1 "
        "| 10 |",
        "| decision map | 3 | +1.00 | +3.33 | +0.50 | +1.67 |",
        "| always freeze | 3 | +4.00 | +3.33 | +2.00 | +1.67 |",
        "| four-case table | 0 | not run | not run | not run | not run |",
        "| 3 | 0 | 2 | 0 |",
        "| 4 | 1 | 0 | 0 |",
        "| partial | 3 | +1.00 | +3.00 | 4.67 | 1 of 3 |",
        "| pets | all | 3 | 74.7 % | 72.7 % | +2.00 ± 0.00 | 100 % of 3 | 100 % of 3 |",
        "| toys | 1 | NotEnoughData: a / b in toys |",
    ):
        assert line in lines


def test_claims_of_a_population() -> None:
    stated = {"accuracy": 0.80, "low": 0.75, "high": 0.85}
    records = [
        {
            "kind": "claim",
            "dataset": "pets",
            "num": num,
            "corrected": stated,
            "drawn_test": {**stated, "accuracy": 0.84, "low": 0.80, "high": 0.90},
            "chosen_held_out": 0.81,
            "best_held_out": 0.83,
            "truth": {"accuracy": truth, "low": truth - 0.03, "high": truth + 0.03},
            "num_rest": 1000,
            "candidates": {"ridge": {"accuracy": truth}, "svm": {"accuracy": truth + 0.01}},
            "regret": {"raw": 0.01, "split_half": -0.005, "beaten": num == 500},
        }
        for num, truth in ((500, 0.78), (100, 0.702), (100, 0.858))
    ]
    lines = tables(records).splitlines()
    corrected, drawn = "held out, corrected for choosing", "drawn test part"
    for line in (
        "| pets | 100 | 2 | 1000 | 78.0 % | 79.0 % | +1.00 | -0.50 | 0 |",
        "| **all** |  | 3 | 1000 | 78.0 % | 79.0 % | +1.00 | -0.50 | 1 |",
        f"| pets | 100 | 2 | {corrected} | 80.0 % | 78.0 % | +2.00 ± 7.80 | 0 % of 2 | 50 % of 2 |",
        f"| pets | 500 | 1 | {corrected} | 80.0 % | 78.0 % | +2.00 | 100 % of 1 | 100 % of 1 |",
        f"| pets | 500 | 1 | {drawn} | 84.0 % | 78.0 % | +6.00 | 0 % of 1 | 0 % of 1 |",
        "| **all** |  | 3 | best of all held out | 83.0 % | 78.0 % | +5.00 ± 4.50 |  |  |",
    ):
        assert line in lines
    assert lines.index(next(row for row in lines if row.startswith("| pets | 100"))) < lines.index(
        next(row for row in lines if row.startswith("| pets | 500"))
    )


def test_a_cell_counts_once_by_the_line_with_the_most_rungs() -> None:
    again = cell(0, 0.70, 0.80, "freeze", 3)
    del again["ladder"]["top1"]
    assert tables([*RECORDS, again]) == tables(RECORDS)


def test_pooled_cells_are_told_apart() -> None:
    pooled = [{**record, "pooled": True} for record in RECORDS[:1]]
    lines = tables([*RECORDS, *pooled]).splitlines()
    heads = lines.index("## The head chosen among the frozen ones")
    rungs = lines.index("## Frozen or adapted")
    assert not any("pooled" in line for line in lines[heads:rungs])
    assert any(line.startswith("| pets · pooled | all | 1 | 70.0 % |") for line in lines[rungs:])
    again = [{**record, "pooled": False} for record in RECORDS]
    assert tables([*RECORDS, *again[:3]]) == tables(RECORDS)


def test_lines_from_before_something_was_asked_are_shown_without_it() -> None:
    old = cell(0, 0.70, 0.80, "freeze", 3)
    del old["regret_of_candidate"]["beaten"]
    line = "| pets | all | 1 | 100 | 200 | 70.0 % | 80.0 % | +10.00 | +4.00 | – | 2.0 |"
    assert line in tables([old]).splitlines()


def test_backbones_are_told_apart() -> None:
    both = [{**cell(0, 0.70, 0.80, "freeze", 3), "backbone": name} for name in ("small", "large")]
    lines = tables(both).splitlines()
    assert sum(line.startswith("| pets · small | all | 1 |") for line in lines) == 3
    assert sum(line.startswith("| pets · large | all | 1 |") for line in lines) == 3


def test_of_nothing() -> None:
    assert tables([]) == "Nothing was measured yet."
