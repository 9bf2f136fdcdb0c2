from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.backbones import building, loading
from headstart.backbones.building import GRAPH, PRETRAINING, RECORD, STATISTICS
from headstart.backbones.catalog import at_hand, parts
from headstart.backbones.engine import Engine
from headstart.backbones.loading import key_of, request_of
from headstart.backbones.outline import OUTLINED, cut_out, fill_in, filled

LITE0 = request_of("efficientnet_lite0", None, 0)
PAIR = request_of("efficientnet_lite0+efficientnet_lite2", None, 0)


@pytest.mark.parametrize(
    ("values", "rest"),
    [
        ({"a": b"23", "b": b"67"}, b"014589"),
        ({"later": b"89", "first": b"01"}, b"234567"),
        ({"next": b"45", "to": b"67", "each other": b"23"}, b"0189"),
        ({"not there": b"xy"}, b"0123456789"),
        ({"one": b"345", "the same": b"345"}, b"0126789"),
        ({"all": b"0123456789"}, b""),
    ],
)
def test_what_was_cut_out_is_filled_in(values: dict[str, bytes], rest: bytes) -> None:
    whole = b"0123456789"
    left, holes = cut_out(whole, values)
    assert left == rest
    assert b"".join(filled(left, holes, values)) == whole


@pytest.fixture(params=OUTLINED)
def request_there(request: pytest.FixtureRequest) -> building.Request:
    if not set(parts(request.param)) <= set(at_hand()):
        pytest.skip("its package is not installed")
    return request_of(request.param, None, 0)


def test_every_offline_backbone_has_its_outline(
    request_there: building.Request, tmp_path: Path
) -> None:
    assert fill_in(request_there, key_of(request_there), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {GRAPH, STATISTICS, PRETRAINING, RECORD}


@pytest.mark.long
def test_a_filled_one_is_what_torch_writes(request_there: building.Request, tmp_path: Path) -> None:
    filled_in, built = tmp_path / "filled", tmp_path / "built"
    for folder in (filled_in, built):
        folder.mkdir()
    assert fill_in(request_there, key_of(request_there), filled_in)
    building.build_in_child(request_there, built)
    one, other = (
        {key: value for key, value in _record(folder).items() if key != "sha256"}
        for folder in (filled_in, built)
    )
    assert one == other
    side = one["preprocessing"]["size"]
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    # Another version of the writer may use other bytes; what is computed must not differ.
    for name in (GRAPH, STATISTICS):
        found, expected = (Engine(folder / name).run(pixels) for folder in (filled_in, built))
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value)
    assert (filled_in / PRETRAINING).read_bytes() == (built / PRETRAINING).read_bytes()


@pytest.mark.parametrize(
    "other",
    [
        replace(LITE0, input_size=192),
        replace(LITE0, pooling=("average", "flatten")),
        replace(LITE0, tta="mirror"),
        replace(LITE0, mean=(0.0, 0.0, 0.0)),
        replace(LITE0, name="resnet18"),
        replace(LITE0, beside=LITE0),
        replace(LITE0, weights="random"),
        replace(LITE0, weights="hub"),
        replace(PAIR, beside=replace(PAIR, weights="random", beside=None)),
    ],
)
def test_anything_else_is_left_to_torch(other: building.Request, tmp_path: Path) -> None:
    assert not fill_in(other, key_of(other), tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_weights_are_left_to_torch(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    content = bytearray(Path(LITE0.weights).read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    other = replace(LITE0, weights=str(weights))
    assert not fill_in(other, key_of(other), tmp_path)


def test_an_outline_of_another_version_is_left_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BUILD_VERSION", -1)
    assert not fill_in(LITE0, key_of(LITE0), tmp_path)


def _record(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / RECORD).read_bytes()))
