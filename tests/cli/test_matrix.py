"""`headstart matrix`: where pictures lie, as a table, JSON and a picture."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from headstart.cli.main import main
from headstart.errors import SettingError
from headstart.workflows.matrix import drawing_place


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of twelve pictures: reddish and bluish noise."""
    folder = tmp_path_factory.mktemp("matrix") / "colours & <more>"
    rng = np.random.default_rng(0)
    for name, channel in (("red", 0), ("blue", 2)):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 90, (64, 64, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.long
@pytest.mark.usefixtures("similarity_is_measured")
def test_the_object_and_the_picture(pictures: Path, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "matrix.svg"
    arguments = ["matrix", str(pictures), "--cache", str(cache), "--json", "--out", str(out)]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["size"]["num_classes"] == 2
    assert found["size"]["num_images"] < 24  # a share is kept for the test
    assert 0 <= found["similarity"]["percentile"] <= 50  # noise is no photograph
    assert found["quadrant"] == 3
    assert [advice["guide"] for advice in found["advice"]] == ["decision map", "four-case table"]
    assert found["evidence"]["strategy"] in ("freeze", "partial")
    assert found["fitness"]["depths"][-1]["tap"] == "all taps"
    text = "".join(ElementTree.parse(out).getroot().itertext())
    assert "colours & <more>" in text and "3 · small, different" in text
    assert drawing_place(pictures, out) == out  # an older drawing may be replaced


@pytest.mark.usefixtures("similarity_is_measured")
def test_the_lines_show_rule_and_evidence(pictures: Path, cache: Path) -> None:
    done = CliRunner().invoke(main, ["matrix", str(pictures), "--cache", str(cache)])
    for word in ("size", "similarity", "fitness", "the books", "evidence", "a trial"):
        assert f"\n{word}" in f"\n{done.stdout}"


@pytest.mark.usefixtures("similarity_is_measured")
def test_what_could_not_be_used_is_said(pictures: Path, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "some"
    shutil.copytree(pictures, folder)
    (folder / "red" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    arguments = ["matrix", str(folder), "--cache", str(cache)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 3
    assert "1 could not be used (truncated 1); first: red/broken.png" in done.stderr
    told = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert [row["path"] for row in told["unusable"]] == ["red/broken.png"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("labels.csv", "a name that ends in .svg"),
        ("foreign.svg", "is not a drawn matrix"),
        ("colours & <more>/m.svg", "among the pictures"),
    ],
)
def test_nothing_of_yours_is_drawn_over(
    pictures: Path, tmp_path: Path, name: str, said: str
) -> None:
    place = pictures.parent / name
    if not name.endswith("m.svg"):
        place.write_text("mine")
    with pytest.raises(SettingError, match=said):
        CliRunner().invoke(
            main, ["matrix", str(pictures), "--out", str(place)], catch_exceptions=False
        )
    assert not place.exists() or place.read_text() == "mine"
    place.unlink(missing_ok=True)
