"""Looking for a learning rate: a plot and a suggestion, and nothing fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.backbones.backbone import Backbone
from headstart.errors import SettingError
from headstart.workflows import finding_rate
from headstart.workflows.finding_rate import find_rate
from headstart.workflows.recipe import Recipe


def test_the_plot_lies_where_the_bundle_would(
    shapes: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def range_test(*_: Any, **named: Any) -> Any:
        asked.update(named)
        return np.float32([1e-6, 1e-5]), np.float32([0.2, 0.1]), 1e-6

    monkeypatch.setattr(finding_rate, "find_learning_rate", range_test)
    recipe = Recipe(strategy="full", batch_size=7)
    found = find_rate(shapes, tmp_path / "out.headstart", recipe)
    assert found.to_json()["plot"] == str(tmp_path / "out.learning-rate.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["out.learning-rate.svg"]
    assert (found.train_from, found.suggestion, asked["tuning"].batch_size) == ("all", 1e-6, 7)
    # Test pictures take no part.
    assert 30 < len(asked["train"]) < 44


@pytest.mark.slow
def test_few_epochs_do_not_shorten_it(shapes: Path, backbone: Backbone, tmp_path: Path) -> None:
    # 100 steps need more views of the pictures than one epoch keeps.
    recipe = Recipe(train_from="top1", epochs=1, batch_size=16)
    assert 0 < find_rate(shapes, tmp_path / "out.headstart", recipe).suggestion < 1


def test_a_network_that_stays_frozen_has_no_rate(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is to stay frozen"):
        find_rate(tmp_path / "none", None, Recipe(strategy="freeze"))
