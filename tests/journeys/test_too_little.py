"""Datasets too small or too strange to learn from: a classifier, or three clear lines."""

import shutil

import pytest

import headstart as hs


@pytest.fixture
def fit_drawn(headstart, draw, tmp_path):
    """Fit on small drawn pictures: {"class folder": [(kind, number), ...]}."""

    def call(tree, *options):
        for folder, pictures in tree.items():
            (tmp_path / "p" / folder).mkdir(parents=True)
            for place, (kind, number) in enumerate(pictures):
                draw(kind, number, 32).save(tmp_path / "p" / folder / f"{place}.png")
        return headstart("fit", tmp_path / "p", "--out", tmp_path / "out", "--json", *options)

    return call


def stripes(*numbers):
    return [("stripes", number) for number in numbers]


def blobs(*numbers):
    return [("blobs", number) for number in numbers]


REFUSED = {
    "one class": ({"a": stripes(0, 1, 2)}, "only one class"),
    "one picture each": ({"a": stripes(0), "b": blobs(0)}, "second picture"),
    "a class with one picture": (
        {"a": stripes(0), "b": blobs(0, 1, 2, 3, 4)},
        "only one class to learn from",
    ),
    "copies of one picture": (
        {"a": stripes(0, 0, 0, 0), "b": blobs(0, 0, 0, 0)},
        "second picture (or group)",
    ),
    "the same picture in both": ({"a": stripes(0, 0, 0), "b": stripes(0, 0)}, "second picture"),
    "a class that is only in test": (
        {"train/a": stripes(0, 1), "train/b": blobs(0, 1), "test/c": blobs(2)},
        "'c' is in test",
    ),
    "no picture at all": ({"a": [], "b": []}, "no pictures"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_three_lines(fit_drawn, tmp_path, case):
    tree, complaint = REFUSED[case]
    ran = fit_drawn(tree)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.complaint
    assert not (tmp_path / "out").exists()


ENOUGH = {
    "two classes of three": {"a": stripes(0, 1, 2), "b": blobs(0, 1, 2)},
    "one large and one small": {"a": stripes(0, 1, 2), "b": blobs(*range(12))},
    "many classes of two": {
        f"c{k}": (blobs if k % 2 else stripes)(3 * k, 3 * k + 1) for k in range(12)
    },
    "every picture in two classes": {"a": stripes(*range(6)), "b": stripes(*range(6))},
    "a class without a test picture": {
        "train/a": stripes(0, 1, 2, 3),
        "train/b": blobs(0, 1, 2, 3),
        "test/a": stripes(4, 5),
    },
}


@pytest.mark.long
@pytest.mark.parametrize("case", ENOUGH)
def test_learned_from(fit_drawn, tmp_path, case):
    tree = ENOUGH[case]
    heads = () if case == "two classes of three" else ("--head", "ridge")
    ran = fit_drawn(tree, *heads)
    assert ran.code == 0, ran.err
    classifier = hs.load(tmp_path / "out")
    assert set(classifier.class_names) == {folder.split("/")[-1] for folder in tree}
    low, high = ran.json["test"]["interval"]
    assert low <= ran.json["test"]["accuracy"] <= high
    assert high - low > 0.1


def test_nothing_that_can_be_read(headstart, shapes, tmp_path):
    folder = shutil.copytree(shapes, tmp_path / "p")
    for path in folder.rglob("*.png"):
        path.write_bytes(b"<html>")
    ran = headstart("fit", folder, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "no picture of" in ran.complaint
    assert "44 refused" in ran.complaint
    assert not (tmp_path / "p.headstart").exists()


def test_no_class_is_left_after_the_bad_ones(headstart, shapes, tmp_path):
    folder = shutil.copytree(shapes, tmp_path / "p")
    for path in (folder / "blobs").iterdir():
        path.write_bytes(b"<html>")
    ran = headstart("fit", folder, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.complaint
