import json

import pytest

from headstart.datasets.finding import Finding, worst_first


def test_worst_first_keeps_the_order_within() -> None:
    kinds = [("a", "note"), ("b", "problem"), ("c", "warning"), ("d", "problem")]
    found = worst_first(Finding(kind, severity, 1, "") for kind, severity in kinds)
    assert [finding.kind for finding in found] == ["b", "d", "c", "a"]


def test_json_holds_any_name() -> None:
    finding = Finding("no_file", "warning", 1, "one", ("caf\udce9.jpg",))
    assert json.loads(json.dumps(finding.to_json())) == {
        "kind": "no_file",
        "severity": "warning",
        "count": 1,
        "message": "one",
        "examples": ["caf\udce9.jpg"],
    }


def test_severity_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="'bad'"):
        Finding("x", "bad", 1, "")


def test_a_few_are_shown_and_how_many_there_are_besides() -> None:
    finding = Finding("tiny", "note", 1207, "small", tuple(map(str, range(1207))))
    assert finding.shown == ("0", "1", "2", "3", "4", "and 1\u202f202 more")
    assert len(finding.to_json()["examples"]) == 1207
    assert Finding("tiny", "note", 1, "small", ("0",)).shown == ("0",)
