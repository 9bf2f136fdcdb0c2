import json

import pytest

from headstart.datasets.finding import Finding, a_few, worst_first


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


def test_a_few_are_five() -> None:
    assert a_few(map(str, range(99))) == ("0", "1", "2", "3", "4")
