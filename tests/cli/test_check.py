"""`headstart check`: what it prints, where, and its exit codes."""

import shutil

import pytest


@pytest.fixture
def doubled(tmp_path, draw_folder):
    """A picture that stands in two classes."""
    folder = draw_folder(tmp_path / "doubled", start=800, stripes=12, blobs=12)
    shutil.copy(folder / "blobs" / "blobs_800.png", folder / "stripes" / "copy.png")
    return folder


def test_json_is_one_value_and_its_keys_are_a_contract(headstart, doubled):
    ran = headstart("check", doubled, "--json")
    assert ran.code == 1
    assert ran.json["num_images"] == 25
    for finding in ran.json["findings"]:
        assert {"kind", "severity", "count", "examples"} <= finding.keys()
    order = [finding["severity"] for finding in ran.json["findings"]]
    assert order == sorted(order, key=["problem", "warning", "note"].index)
    worst = ran.json["findings"][0]
    assert worst["count"] >= 1
    assert "blobs_800.png" in str(worst["examples"])


def test_for_a_person_and_quiet(headstart, doubled):
    ran = headstart("check", doubled)
    assert ran.code == 1
    assert "✗" in ran.out
    assert "blobs_800.png" in ran.out
    assert "blobs_800.png" not in ran.err
    quiet = headstart("check", doubled, "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (1, "", "")


def test_nothing_that_must_be_mended_exits_0(headstart, shapes):
    ran = headstart("check", shapes, "--json")
    assert ran.code == 0
    assert all(finding["severity"] != "problem" for finding in ran.json["findings"])


def test_what_fit_would_refuse_is_a_problem(headstart, tmp_path, draw_folder):
    few = draw_folder(tmp_path / "few", start=900, stripes=2, blobs=2)
    ran = headstart("check", few, "--json")
    assert ran.code == 1
    assert ran.json["findings"][0]["kind"] == "too_few"
    assert "only 2 pictures are left to learn from" in ran.json["findings"][0]["message"]
    assert "only 2 pictures are left to learn from" in headstart("fit", few).complaint


def test_a_wrong_path(headstart, tmp_path):
    ran = headstart("check", tmp_path / "nowhere")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no" in ran.complaint
