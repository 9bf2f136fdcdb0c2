"""The default backbone, and a second one beside it where that proves better."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headstart.backbones.catalog import DEFAULT, SECOND
from headstart.backbones.engine import Engine
from headstart.backbones.loading import load_backbone
from headstart.errors import SettingError
from headstart.model.classifier import load
from headstart.progress import Silent
from headstart.workflows import widening
from headstart.workflows.fit import run_fit
from headstart.workflows.preparing import prepare
from headstart.workflows.recipe import Recipe

PAIR = f"{DEFAULT}+{SECOND}"


class Said(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two kinds that differ by little: errors leave room."""
    folder = tmp_path_factory.mktemp("hard")
    random = np.random.default_rng(0)
    for kind, angle in (("left", 0.5), ("right", 0.62)):
        (folder / kind).mkdir()
        for number in range(14):
            grid = np.mgrid[:64, :64] / 64
            wave = np.sin(40 * (grid[0] * angle + grid[1] * (1 - angle)) + random.uniform(0, 6))
            pixels = 128 + 40 * wave[:, :, None] + random.normal(0, 60, (64, 64, 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(
                folder / kind / f"{number}.png"
            )
    return folder


@pytest.mark.usefixtures("second_network")
def test_easy_pictures_leave_no_room(shapes: Path, backbone: Any) -> None:
    said = Said()
    prepared, choice = widening.prepare_widened(shapes, Recipe(), said)
    assert prepared.backbone.name == DEFAULT
    assert choice is None
    assert any("leave no room for a second network" in line for line in said.lines)


@pytest.mark.usefixtures("second_network")
def test_many_pictures_are_not_read_twice_unasked(
    shapes: Path, backbone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(widening, "MOST_PICTURES", 10)
    said = Said()
    assert widening.prepare_widened(shapes, Recipe(), said)[1] is None
    assert any(f"--backbone {PAIR}" in line for line in said.lines)


@pytest.mark.long
@pytest.mark.usefixtures("second_network")
def test_it_is_tried_and_told_where_errors_leave_room(hard: Path, backbone: Any) -> None:
    prepared, choice = widening.prepare_widened(hard, Recipe(), Silent())
    assert choice is not None
    assert choice.chosen == prepared.backbone.name
    assert {standing.name for standing in choice.rounds[0].standings} == {DEFAULT, PAIR}
    assert prepared.network.name == DEFAULT


@pytest.mark.parametrize("asked", [{"heads": ("logistic:flatten",)}, {"train_from": "top1"}])
@pytest.mark.usefixtures("second_network")
def test_it_is_not_tried_where_something_else_was_asked_for(
    shapes: Path, asked: dict[str, Any], backbone: Any
) -> None:
    said = Said()
    prepared = prepare(shapes, Recipe(), Silent())
    assert widening.widen(prepared, Recipe(**asked), said) == (prepared, None)
    assert not said.lines


@pytest.mark.slow  # three graphs are built
def test_a_pair_holds_what_each_alone_gives(cache: Path, backbone: Any) -> None:
    pair = load_backbone(PAIR, cache=cache)
    second = load_backbone(SECOND, cache=cache, input_size=backbone.preprocessing.size)
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    both, one, other = (
        Engine(each.graph, pair.tap_names).run(pixels) for each in (pair, backbone, second)
    )
    for name, values in both.items():
        alone = np.concatenate([one[name], other[name]])
        np.testing.assert_allclose(values, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.long
@pytest.mark.usefixtures("second_network")
def test_a_recipes_own_choice_may_be_a_pair(hard: Path, backbone: Any, tmp_path: Path) -> None:
    recipe = Recipe(backbone=DEFAULT, heads=("ridge",), strategy="freeze", own_choice=True)
    said = Said()
    fitted = run_fit(hard, tmp_path / "out", recipe, said)
    assert fitted.own_choice is not None
    tried = [line for line in said.lines if line.startswith("backbone ") and " is chosen" in line]
    assert len(tried) == 1
    assert fitted.own_choice.name.split(",")[0] in tried[0]


@pytest.mark.long
def test_a_pair_makes_a_whole_classifier(
    shapes: Path, tmp_path: Path, headstart: Callable[..., Any]
) -> None:
    ran = headstart("fit", shapes, "--backbone", PAIR, "--out", tmp_path / "pair", "--json")
    assert ran.code == 0
    assert ran.json["chosen"]["backbone"] == PAIR
    classifier = load(tmp_path / "pair")
    picture = next(iter(sorted((shapes / "stripes").iterdir())))
    assert classifier.predict(picture).label == "stripes"


@pytest.mark.parametrize(
    "name", [f"{DEFAULT}+", f"{DEFAULT}+{DEFAULT}", f"{DEFAULT}+{SECOND}+resnet50"]
)
def test_other_numbers_are_refused(name: str, cache: Path) -> None:
    with pytest.raises(SettingError, match="two different networks"):
        load_backbone(name, cache=cache)


@pytest.mark.usefixtures("built_here")
def test_two_networks_of_other_families_are_refused(cache: Path) -> None:
    with pytest.raises(SettingError, match="other depths"):
        load_backbone("test_vit+test_resnet", "random", cache=cache)
