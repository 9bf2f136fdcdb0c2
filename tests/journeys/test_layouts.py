"""The same pictures, laid out as people lay them out."""

import csv
import dataclasses

import pytest

import headstart as hs


@pytest.mark.parametrize("apart", [False, True])
def test_train_and_test_folders(fit, draw_folder, tmp_path, apart):
    train = draw_folder(tmp_path / "whole" / "train", start=1000, stripes=8, blobs=8)
    test = draw_folder(tmp_path / "whole" / "test", start=1020, stripes=3, blobs=2)
    out = tmp_path / "out"
    ran = fit(train, out, "--test", test) if apart else fit(train.parent, out)
    assert ran.code == 0
    assert (ran.json["split"]["train"], ran.json["split"]["test"]) == (16, 5)
    assert ran.json["test"]["num_images"] == 5
    assert set(hs.load(out).test) == {"accuracy", "interval", "num_images"}


def test_copies_across_the_parts_are_named(fit, draw_folder, tmp_path):
    whole = tmp_path / "whole"
    for part in ("train", "test"):
        draw_folder(whole / part, start=1000, stripes=6, blobs=6)
    ran = fit(whole, tmp_path / "out")
    assert ran.json["test"]["without_leakage"]["num_images"] == 0
    report = (tmp_path / "out" / "report.html").read_text()
    assert "leakage" in report
    assert "not known" in report and "probably" not in report.split("Balanced accuracy")[0]
    saved = hs.load(tmp_path / "out")
    assert saved.test["without_leakage"] == ran.json["test"]["without_leakage"]
    trained = dataclasses.replace(saved.record, backbone={"pretrained": True})
    assert "its accuracy is not known" in trained.warning


def test_labels_in_the_names_of_files(fit, draw, tmp_path):
    (tmp_path / "flat").mkdir()
    for kind in ("stripes", "blobs"):
        for number in range(8):
            draw(kind, 1000 + number).save(tmp_path / "flat" / f"{kind}.{number}.png")
    ran = fit(tmp_path / "flat", tmp_path / "out")
    assert ran.code == 0
    assert hs.load(tmp_path / "out").class_names == ("blobs", "stripes")


def test_a_table_from_another_machine(fit, draw_folder, tmp_path):
    pictures = draw_folder(tmp_path / "photos", start=1000, stripes=8, blobs=8)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "what"])
        for path in pictures.rglob("*.png"):
            writer.writerow(
                [rf"F:\\data\\{path.parent.name}\\{path.name}", f"it is {path.parent.name}"]
            )
        writer.writerow([r"F:\\data\\gone.png", "it is blobs"])
    ran = fit(tmp_path / "labels.csv", tmp_path / "out", "--images", pictures)
    assert ran.code == 3
    assert [row["reason"] for row in ran.json["unusable"]] == ["no_file"]
    assert hs.load(tmp_path / "out").class_names == ("it is blobs", "it is stripes")
    assert ran.json["features"]["computed"] == 16


@pytest.mark.long
def test_a_split_that_was_written_is_read_again(fit, draw_folder, tmp_path):
    pictures = draw_folder(tmp_path / "photos", start=1000, stripes=8, blobs=8)
    first = fit(pictures, tmp_path / "out", "--seed", "5")
    split = tmp_path / "out" / "split.csv"
    again = fit(split, tmp_path / "again", "--images", pictures, "--seed", "6")
    assert again.code == 0
    assert again.json["split"]["test"] == first.json["split"]["test"]
    assert (tmp_path / "again" / "split.csv").read_bytes() == split.read_bytes()


def test_from_inside_the_folder(headstart, draw_folder, tmp_path, monkeypatch, page_of):
    pictures = draw_folder(tmp_path / "photos", start=1000, stripes=8, blobs=8)
    monkeypatch.chdir(pictures)
    ran = headstart("fit", ".", "--head", "ridge", "--json")
    assert ran.json["bundle"] == str(tmp_path / "photos.headstart")
    assert "photos" in page_of(tmp_path / "photos.headstart").text.split("headstart")[0]
