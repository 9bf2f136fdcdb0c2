"""One road from bytes to probabilities: the same file, the same answer, through every door."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image, ImageOps

import headstart as hs
from headstart import layers
from headstart.backbones.loading import load_backbone
from headstart.features.extraction import extract
from headstart.features.store import FeatureStore
from headstart.files import content_digest
from headstart.images.decode import read_bytes
from headstart.model import bundle as bundle_files

CLOSE = 1e-5


@pytest.fixture(scope="module")
def classifier(bundle):
    return hs.load(bundle)


@pytest.fixture(scope="module")
def paths(shapes, draw, tmp_path_factory):
    """Pictures of several formats, sizes and modes."""
    folder = tmp_path_factory.mktemp("road")
    draw("stripes", 1400, 480).save(folder / "large.jpg", quality=90)
    draw("blobs", 1401, 1100).save(folder / "larger.jpg", quality=80, progressive=True)
    draw("blobs", 1402, 40).convert("L").save(folder / "small.png")
    draw("stripes", 1403, 300).crop((0, 0, 300, 120)).save(folder / "wide.webp")
    draw("blobs", 1404).convert("P").save(folder / "palette.gif")
    return [*sorted(folder.iterdir()), *sorted(shapes.rglob("*.png"))[::9]]


def ranking(prediction):
    return dict(prediction.ranking)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        np.testing.assert_allclose([one[k] for k in other], list(other.values()), atol=CLOSE)


@pytest.fixture(scope="module")
def expected(classifier, paths):
    return [ranking(classifier.predict(path)) for path in paths]


def test_alone_or_in_a_list_by_path_or_by_bytes(classifier, paths, expected):
    assert_same([ranking(each) for each in classifier.predict(paths)], expected)
    assert_same([ranking(classifier.predict(str(path))) for path in paths], expected)
    assert_same([ranking(classifier.predict(path.read_bytes())) for path in paths], expected)
    mixed = [path if k % 2 else path.read_bytes() for k, path in enumerate(paths)]
    assert_same([ranking(each) for each in classifier.predict(iter(mixed))], expected)
    assert [each.path for each in classifier.predict(mixed)][:2] == ["<bytes>", str(paths[1])]


def test_images_in_memory(classifier, paths, expected):
    with ExitStack() as opened:
        images = [opened.enter_context(Image.open(path)) for path in paths]
        found = classifier.predict(images)
        whole = np.asarray(images[0].convert("RGB"))
    assert {each.path for each in found} == {"<image>"}
    for one, other in zip(map(ranking, found), expected, strict=True):
        # A large JPEG is scaled while its file is decoded; Pillow gives the whole of it.
        assert one == pytest.approx(other, abs=1e-3)
    assert ranking(classifier.predict(whole)) == pytest.approx(expected[0], abs=1e-3)


def test_with_one_core_or_several(bundle, paths, expected):
    alone = hs.load(bundle, threads=1).predict(paths)
    assert_same([ranking(each) for each in alone], expected)


def test_from_many_threads_at_once(classifier, paths, expected):
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: classifier.predict(paths), range(6)))
    for each in answers:
        assert_same([ranking(prediction) for prediction in each], expected)


def test_the_command_line(headstart, bundle, paths, expected):
    rows = headstart("predict", bundle, *paths, "--json").json
    found = [{entry["label"]: entry["probability"] for entry in row["ranking"]} for row in rows]
    assert_same(found, expected)


def test_the_saved_head_on_stored_features(classifier, bundle, cache, paths, expected):
    backbone = load_backbone(cache=cache)
    extract(paths, [str(path) for path in paths], backbone, FeatureStore(cache, backbone))
    taps, _ = FeatureStore(cache, backbone).load(
        [content_digest(read_bytes(path)) for path in paths]
    )
    head = classifier.record.head
    X = np.concatenate([taps[name] for name in head["taps"]], axis=1)
    described = layers.from_plain(head["layers"], bundle_files.read_arrays(bundle))
    found = layers.softmax(layers.run(described, X), head["temperature"])
    by_name = [dict(zip(classifier.class_names, row.tolist(), strict=True)) for row in found]
    assert_same(by_name, expected)


def test_the_saved_classifier_elsewhere(bundle, paths, expected, tmp_path):
    moved = shutil.copytree(bundle, tmp_path / "moved")
    assert_same([ranking(each) for each in hs.load(moved).predict(paths)], expected)


def test_the_graph_says_its_classes_and_outputs(bundle):
    import onnx

    graph = onnx.load(str(bundle / "classifier.onnx"))
    assert [output.name for output in graph.graph.output] == [
        "probabilities",
        "features",
        "distance",
    ]
    names = {entry.key: entry.value for entry in graph.metadata_props}
    assert json.loads(names["classes"]) == ["blobs", "stripes"]


def test_the_same_pixels_in_other_formats(classifier, draw, tmp_path):
    picture = draw("stripes", 1410, 250)
    answers = []
    for name in ("a.png", "a.bmp", "a.tiff"):
        picture.save(tmp_path / name)
        answers.append(ranking(classifier.predict(tmp_path / name)))
    picture.save(tmp_path / "a.webp", lossless=True)
    answers.append(ranking(classifier.predict(tmp_path / "a.webp")))
    assert_same(answers, [answers[0]] * len(answers))


@pytest.mark.parametrize("turn", range(2, 9))
def test_a_picture_turned_by_its_exif_is_the_upright_one(classifier, draw, tmp_path, turn):
    orientation = Image.Exif()
    orientation[0x0112] = turn
    picture = draw("blobs", 1411, 250).crop((0, 0, 250, 170))
    picture.save(tmp_path / "turned.jpg", exif=orientation, quality=90)
    picture.save(tmp_path / "flat.jpg", quality=90)
    ImageOps.exif_transpose(Image.open(tmp_path / "turned.jpg")).save(tmp_path / "upright.png")
    turned = classifier.predict(tmp_path / "turned.jpg")
    assert_same([ranking(turned)], [ranking(classifier.predict(tmp_path / "upright.png"))])
    assert ranking(turned) != ranking(classifier.predict(tmp_path / "flat.jpg"))
