import numpy as np
import pytest
from PIL import Image, ImageDraw

from headstart.backbones.engine import Engine
from headstart.backbones.reading import read_through
from headstart.errors import DatasetError
from headstart.finetuning.mirroring import MOST, flip_hurts, mirrored_features, rows_to_mirror
from headstart.heads.ridge import RidgeHead
from headstart.layers import Affine


def arrow(number, turn):
    """An arrow to the right, turned, on a noisy ground."""
    random = np.random.default_rng(number)
    ground = random.integers(200, 255, (16, 16, 3), dtype=np.uint8)
    image = Image.fromarray(ground).resize((96, 96))
    x, y = random.integers(-4, 5, 2).tolist()
    pen = ImageDraw.Draw(image)
    pen.line([(20 + x, 48 + y), (76 + x, 48 + y)], "black", 9)
    pen.polygon([(80 + x, 48 + y), (52 + x, 24 + y), (52 + x, 72 + y)], "black")
    return image.rotate(turn)


def judged(folder, backbone, turns):
    """A head learned from half of the arrows, asked about the other half."""
    paths, y = [], []
    for label, turn in enumerate(turns):
        for number in range(24):
            paths.append(folder / f"{turn}-{number}.png")
            arrow(100 * turn + number, turn).save(paths[-1])
            y.append(label)
    y, tap = np.array(y), backbone.tap_names[1]
    engine = Engine(backbone.graph, (tap,))
    outcomes = read_through(paths, engine, backbone.preprocessing)
    X = np.stack([outcome.outputs[tap] for outcome in outcomes])
    held = np.arange(len(y)) % 2 == 1
    head = RidgeHead().fit(X[~held], y[~held])
    kept = [path for path, is_held in zip(paths, held, strict=True) if is_held]
    mirrored = mirrored_features(backbone, kept, (tap,))[tap]
    return flip_hurts(head.layers_, X[held], mirrored, y[held])


def test_left_and_right_must_not_be_mirrored(tmp_path, backbone):
    found = judged(tmp_path, backbone, (0, 180))
    assert found.upright > 0.9
    assert found.mirrored < 0.5
    assert found.hurts


def test_up_and_down_may_be(tmp_path, backbone):
    found = judged(tmp_path, backbone, (90, 270))
    assert found.upright > 0.9
    assert not found.hurts


def test_features_are_those_of_the_mirrored_file(tmp_path, backbone, draw):
    plain, turned = tmp_path / "a.png", tmp_path / "b.png"
    image = draw("stripes", 3, side=256)
    image.save(plain)
    image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(turned)
    engine = Engine(backbone.graph, backbone.tap_names)
    wanted = next(iter(read_through([turned], engine, backbone.preprocessing))).outputs
    for tap, values in mirrored_features(backbone, [plain], threads=1).items():
        assert values.shape == (1, len(wanted[tap]))
        assert values[0] == pytest.approx(wanted[tap], abs=1e-4)


def test_a_picture_that_is_gone_is_named(tmp_path, backbone):
    arrow(0, 0).save(tmp_path / "here.png")
    with pytest.raises(DatasetError, match=r"any more: .*gone\.png \(vanished"):
        mirrored_features(backbone, [tmp_path / "here.png", tmp_path / "gone.png"])


def test_false_alarms_are_rare():
    """Where mirroring changes answers at random, one in forty is called harmful."""
    same = (Affine(np.eye(2, dtype=np.float32), np.zeros(2, dtype=np.float32)),)
    random, alarms = np.random.default_rng(0), 0
    y = np.zeros(200, dtype=np.int64)
    for _ in range(60):
        wrong = random.random((2, 200)) < 0.15
        upright, mirrored = np.eye(2, dtype=np.float32)[wrong.astype(int)]
        alarms += flip_hurts(same, upright, mirrored, y).hurts
    assert alarms <= 5  # 1.5 expected


def test_at_most_so_many_are_asked():
    rows = rows_to_mirror(1000, seed=0)
    assert len(set(rows.tolist())) == MOST
    assert np.array_equal(rows, np.sort(rows))
    assert rows_to_mirror(5, seed=0).tolist() == [0, 1, 2, 3, 4]
