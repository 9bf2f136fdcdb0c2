"""`headstart similar` and `hs.similar`: the training pictures most like a picture."""

import pickle
import shutil

import pytest

import headstart as hs
from headstart.errors import SettingError, UnusableImage
from headstart.model.bundle import write_record
from headstart.model.gallery import load_gallery


def test_a_training_picture_is_most_like_itself(headstart, bundle, shapes, tmp_path):
    name = load_gallery(bundle).ids[3]
    (tmp_path / "broken.png").write_text("no picture")
    ran = headstart("similar", bundle, shapes / name, tmp_path, "--count", "3", "--json")
    assert ran.code == 3
    found, broken = ran.json
    assert (found["path"], found["reason"]) == (str(shapes / name), None)
    first, *others = found["neighbours"]
    assert (first["id"], first["label"], len(others)) == (name, name.split("/")[0], 2)
    assert first["similarity"] > 0.999 > others[0]["similarity"] >= others[1]["similarity"]
    assert (broken["neighbours"], broken["reason"].split(":")[0]) == ([], "not_an_image")
    ran = headstart("similar", bundle, shapes / name)
    assert (ran.code, len(ran.out.splitlines())) == (0, 6)
    assert ran.out.splitlines()[1].split() == ["1.000", name.split("/")[0], name]


def test_in_python(bundle, shapes):
    pictures = [shapes / name for name in load_gallery(bundle).ids[:3]]
    with_features, plain = hs.load(bundle, with_features=True), hs.load(bundle)
    assert with_features.predict(pictures) == plain.predict(pictures)
    expected = hs.similar(plain, pictures[0])
    assert (len(expected), shapes / expected[0].id) == (5, pictures[0])
    assert hs.similar(with_features, pictures[0].read_bytes(), count=2) == expected[:2]
    with pytest.raises(UnusableImage, match="vanished"):
        hs.similar(with_features, shapes / "none.png")
    with pytest.raises(UnusableImage) as told:
        hs.similar(with_features, b"no picture")
    assert [line.split(":")[0] for line in str(told.value).splitlines()] == [
        "the picture cannot be used",
        "expected",
        "fix",
    ]
    assert pickle.loads(pickle.dumps(told.value)).reason == "not_an_image"
    with pytest.raises(SettingError, match="count=0"):
        hs.similar(with_features, pictures[0], count=0)


def test_a_bundle_without_gallery_says_what_to_do(headstart, bundle, shapes, tmp_path):
    older = shutil.copytree(bundle, tmp_path / "older.headstart")
    (older / "gallery.safetensors").unlink()
    write_record(older, hs.load(older).record)
    ran = headstart("similar", older, shapes / "blobs" / "blobs_01.png")
    assert (ran.code, ran.out) == (2, "")
    assert "older version" in ran.complaint
    assert ran.err.endswith("fix: make it again with headstart fit --gallery 100000\n")
    assert hs.load(older).predict(shapes / "blobs" / "blobs_01.png").label == "blobs"
