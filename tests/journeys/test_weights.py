"""Weights: random ones say so everywhere; unknown ones are refused with a way out."""

import os
import shutil

import headstart as hs

SMALL = "mobilenetv3_small_050"


def test_random_weights_say_so_everywhere(program, headstart, draw_folder, tmp_path, page_of):
    pictures = draw_folder(tmp_path / "pictures", start=1300, stripes=8, blobs=8)
    # A module of this name must not be taken from where the user happens to be.
    (tmp_path / "timm.py").write_text("raise SystemExit('taken from the working folder')")
    options = ("--backbone", SMALL, "--weights", "random", "--head", "nearest-mean", "--json")
    out = tmp_path / "out"
    environment = {**os.environ, "HEADSTART_CACHE": str(tmp_path / "cache")}
    ran = program("fit", pictures, "--out", out, *options, cwd=tmp_path, env=environment)
    assert ran.code == 0, ran.err
    assert "RANDOM WEIGHTS" in ran.err
    assert ran.json["backbone"]["pretrained"] is False
    assert "RANDOM" in ran.json["backbone"]["weights"]
    assert ran.json["recipe"]["weights"] == "random"
    assert "RANDOM WEIGHTS" in page_of(out).text
    assert hs.load(out).record.backbone["pretrained"] is False

    # The kept graph is damaged: it is made again, not run.
    (graph,) = (tmp_path / "cache" / "graphs").glob("*/graph.onnx")
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-100])
    again = headstart(
        *("fit", pictures, "--out", tmp_path / "again", "--cache", tmp_path / "cache"), *options
    )
    assert again.code == 0, again.err
    assert graph.read_bytes() == whole
    assert again.json["features"]["computed"] == 0
    shutil.rmtree(tmp_path / "cache")


def test_an_unknown_backbone(headstart, shapes, tmp_path):
    ran = headstart("fit", shapes, "--out", tmp_path / "out", "--backbone", "efficientnet_lite9")
    assert (ran.code, ran.out) == (2, "")
    assert "no backbone is called 'efficientnet_lite9'" in ran.complaint
    assert "did you mean" in ran.err
    assert not (tmp_path / "out").exists()
