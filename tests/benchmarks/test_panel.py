from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import panel
import pytest
from panels import cells, claims
from panels.lines import read_lines
from panels.sets import parts_of

from headstart.backbones.backbone import Backbone
from headstart.progress import Silent
from headstart.workflows import placing
from headstart.workflows.preparing import prepare
from headstart.workflows.recipe import Recipe


@pytest.fixture(scope="module")
def sets(
    tmp_path_factory: pytest.TempPathFactory, draw_folder: Callable[..., Path], backbone: Backbone
) -> Path:
    """One set with a test part, one without, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("sets")
    draw_folder(folder / "given" / "train", stripes=9, blobs=9)
    draw_folder(folder / "given" / "test", start=20, stripes=6, blobs=6)
    draw_folder(folder / "plain", stripes=16, blobs=16)
    (folder / "empty").mkdir()
    return folder


DIFFERENT = SimpleNamespace(is_similar=False, score=1.5)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two heads, and a similarity that nobody measured: small and different."""
    monkeypatch.setattr(panel, "Recipe", partial(Recipe, heads=("ridge", "neighbors")))
    monkeypatch.setattr(placing, "measure", lambda *_, **__: DIFFERENT)


@pytest.mark.long
@pytest.mark.usefixtures("quick")
def test_every_cell_is_a_line_and_a_second_run_adds_none(
    sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, docs = tmp_path / "panel.jsonl", tmp_path / "panel.md"
    arguments = [str(sets), "--out", str(out), "--per-class", "6,50", "--seeds", "1"]
    panel.main(arguments)
    failed, given, plain = read_lines(out)
    assert (failed["dataset"], failed["kind"]) == ("empty", "dataset")
    assert "error" in failed
    assert (given["dataset"], given["num_train"], given["num_test"]) == ("given", 12, 12)
    assert (plain["dataset"], plain["num_train"], plain["num_test"]) == ("plain", 12, 16)
    assert [each["chosen"] for each in plain["candidates"]].count(True) == 1
    best = max(each["accuracy"] for each in plain["candidates"])
    chosen = next(each["accuracy"] for each in plain["candidates"] if each["chosen"])
    assert plain["regret_of_candidate"]["raw"] == pytest.approx(best - chosen)
    assert plain["truth"]["accuracy"] == pytest.approx(chosen)
    assert plain["regret_of"]["headstart"]["raw"] == 0
    # Quadrant 3: the map's partial rung was not run; case 3 is a head on an earlier tap.
    assert plain["quadrant"] == 3
    assert set(plain["regret_of"]) == {"headstart", "always freeze", "four-case table"}
    earlier = [each["accuracy"] for each in plain["candidates"] if "stage" in each["name"]]
    followed = chosen - plain["regret_of"]["four-case table"]["raw"]
    assert any(followed == pytest.approx(accuracy, abs=2e-6) for accuracy in earlier)

    before = out.read_bytes()
    panel.main([*arguments, "--write", str(docs)])
    assert out.read_bytes() == before

    # A line that was taken away is measured again, to the same numbers.
    out.write_bytes(b"".join(before.splitlines(keepends=True)[:2]))
    panel.main(arguments)
    again = read_lines(out)[-1]
    differs = {"seconds": 0, "commit": ""}
    assert {**again, **differs} == {**plain, **differs}

    printed = capsys.readouterr().out
    assert "| plain | 6 | 1 | 12 | 16 |" in printed
    assert "| plain | 6 | 1 | 12 | 16 |" in docs.read_text(encoding="utf-8")
    assert "| empty | 1 |" in printed


def test_a_cell_that_fails_is_a_line_and_the_run_goes_on(
    sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_arguments: Any) -> None:
        raise ZeroDivisionError("made up")

    monkeypatch.setattr(cells, "measure", broken)
    out = tmp_path / "panel.jsonl"
    panel.main([str(sets), "--out", str(out), "--per-class", "6", "--seeds", "2"])
    errors = [record["error"] for record in read_lines(out) if record["kind"] == "cell"]
    assert errors == ["ZeroDivisionError: made up"] * 4
    assert "| plain | 2 | ZeroDivisionError: made up |" in capsys.readouterr().out


def test_a_claim_is_judged_by_all_pictures_that_were_not_drawn(sets: Path, cache: Path) -> None:
    whole = prepare(sets / "plain", Recipe(heads=("ridge",)), Silent())
    found = claims.measure(
        whole, claims.Resample("plain", "efficientnet_lite0", 20, 0), Recipe(heads=("ridge",))
    )
    assert (found["num_train"], found["num_rest"]) == (16, 12)
    for name in ("corrected", "drawn_test", "truth"):
        assert 0 <= found[name]["low"] <= found[name]["accuracy"] <= found[name]["high"] <= 1
    assert found["corrected"]["accuracy"] <= found["chosen_held_out"] <= found["best_held_out"]


def test_copies_of_training_pictures_do_not_judge(
    tmp_path: Path, draw_folder: Callable[..., Path], backbone: Backbone
) -> None:
    folder = draw_folder(tmp_path / "set" / "train", stripes=5, blobs=5)
    draw_folder(tmp_path / "set" / "test", start=3, stripes=5, blobs=5)
    whole = prepare(folder.parent, Recipe(), Silent())
    train, test = parts_of(whole, Recipe())
    assert (len(train), len(test)) == (10, 6)
