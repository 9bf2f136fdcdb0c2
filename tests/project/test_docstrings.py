"""The examples in the docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import headstart

SOURCE = Path(headstart.__path__[0])
WITH_EXAMPLES = sorted(
    file.relative_to(SOURCE.parent).with_suffix("").as_posix().replace("/", ".")
    for file in SOURCE.rglob("*.py")
    if ">>> " in file.read_text(encoding="utf-8")
)


def test_there_are_some():
    assert "headstart.__init__" in WITH_EXAMPLES


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name):
    ran = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
    assert ran.attempted > 0
    assert ran.failed == 0
