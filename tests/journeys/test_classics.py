"""The four classics end to end: what they print, and that a plain script gives the same numbers."""

import csv

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix
from sklearn.model_selection import train_test_split

from headstart.workflows.fit import run_fit
from headstart.workflows.recipe import recipe_of
from headstart.workflows.showing import CODES

OFFLINE = ("--backbone", "efficientnet_lite0")


@pytest.fixture(scope="module")
def flat(tmp_path_factory, draw):
    """Files as Kaggle names them; a few are hard to tell apart."""
    folder = tmp_path_factory.mktemp("flat") / "flat"
    folder.mkdir()
    for number in range(24):
        draw("stripes", number).save(folder / f"cat.{number}.png")
        draw("blobs" if number % 4 else "stripes", 100 + number).save(folder / f"dog.{number}.png")
    return folder


@pytest.fixture
def classic(headstart, flat, tmp_path):
    """`headstart fit --recipe classic:...`, and the bundle's folder."""

    def call(name, *options):
        out = tmp_path / f"{name}.headstart"
        ran = headstart("fit", flat, "--recipe", f"classic:{name}", "--out", out, *options)
        assert ran.code == 0, ran.err
        return ran.err, out

    return call


def script(codes, labels):
    """What the tutorial's script prints."""
    X_train, X_test, y_train, y_test = train_test_split(
        codes, labels, test_size=0.2, random_state=42
    )
    answers = LogisticRegression().fit(X_train, y_train).predict(X_test)
    return (
        f"accuracy {accuracy_score(y_test, answers)}",
        str(confusion_matrix(y_test, answers)),
        classification_report(y_test, answers, zero_division=0.0).rstrip("\n"),
    )


@pytest.mark.long
def test_numbers_are_those_of_a_plain_script_and_a_written_recipe_repeats_the_run(
    flat, tmp_path, backbone
):
    settings = {"own_choice": False, "keep_codes": True, "say_every": None}
    recipe = recipe_of(
        {
            "recipe": "classic:vgg16-logistic",
            "backbone": "efficientnet_lite0",
            "input_size": None,
            "pooling": "average",
            **settings,
        }
    )
    first = run_fit(flat, tmp_path / "first", recipe)
    with np.load(first.bundle / CODES) as kept:
        assert kept["codes"].shape == (48, 1280)
        assert kept["labels"].tolist() == [name[:3] for name in kept["paths"]]
        expected = script(kept["codes"], kept["labels"])
    shown = "\n".join(first.shown.report)
    assert all(part in shown for part in expected)
    assert 0.5 < first.results.accuracy < 1
    again = run_fit(flat, tmp_path / "again", recipe_of({"recipe": first.bundle / "recipe.toml"}))
    assert again.results.to_json() == first.results.to_json()
    assert again.receipt["recipe"] == first.receipt["recipe"]
    np.testing.assert_array_equal(again.trained.probabilities, first.trained.probabilities)


@pytest.mark.slow
def test_without_weights_the_way_out_is_named(headstart, flat, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    ran = headstart("fit", flat, "--recipe", "classic:vgg16-logistic", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "'vgg16" in ran.complaint
    assert "--weights FILE" in ran.err
    assert "a backbone that needs no network (headstart backbones)" in ran.err


@pytest.mark.slow
def test_vgg16_logistic_with_the_offline_backbone(classic):
    told, out = classic("vgg16-logistic", *OFFLINE, "--set", "say_every=20", "--keep-codes")
    for line in ("path        target", "  cat  24", "20 of 48 pictures", "train_test_split"):
        assert line in told
    assert "features 80 + 160 + 224 + 384 + 640 + 32000 + 1280" in told
    with np.load(out / CODES) as kept:
        assert kept["codes"].shape == (48, 32000)
        for part in script(kept["codes"], kept["labels"]):
            assert part in told
    assert "as the recipe says" in told
    assert "Headstart's own choice" in told
    assert "four-case table: " in told and "decision map: " in told


@pytest.mark.slow
def test_vgg16_three_heads_with_the_offline_backbone(classic):
    told, out = classic("vgg16-three-heads", *OFFLINE, "--no-own-choice", "--input-size", 64)
    for head in ("dense-dropout · flat", "dense-softmax  ", "linear-svc · flat"):
        assert head in told
    assert "epoch 100" in told
    with (out / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    assert float(rows[99]["accuracy"]) > 0.9


@pytest.mark.slow
def test_inception_finetune_with_the_offline_backbone(classic):
    told, out = classic(
        *("inception-finetune", *OFFLINE, "--no-own-choice", "--steps-per-epoch", 2),
        *("--epochs", 3, "--frozen-epochs", 1),
    )
    assert "epoch 3/3: training loss" in told
    assert (out / "metrics.jsonl").read_text().count("\n") >= 3


@pytest.mark.slow
def test_resnet_codes_with_the_offline_backbone(classic):
    told, out = classic("resnet-codes", *OFFLINE)
    with np.load(out / CODES) as kept:
        assert kept["codes"].shape == (48, 1280)
        assert set(kept["splits"]) == {"train", "test"}
    assert "recall" in told
    assert "Headstart's own choice" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dims", "options"),
    [
        ("vgg16-logistic", "8192", ()),
        ("vgg16-three-heads", "512", ("--input-size", 64)),
        ("resnet-codes", "2048", ("--input-size", 64)),
        (
            "inception-finetune",
            "2048",
            ("--input-size", 96, "--steps-per-epoch", 1, "--epochs", 2, "--frozen-epochs", 1),
        ),
    ],
)
def test_the_articles_own_network_from_a_file(classic, own_weights, name, dims, options):
    """The architecture, with random weights in a file: it is said wherever it is named."""
    network = {"vgg16": "vgg16", "resnet": "resnet50", "inception": "inception_v3"}[
        name.partition("-")[0]
    ]
    told, _ = classic(name, "--weights", own_weights(network), "--no-own-choice", *options)
    assert f"{dims}" in told
    assert "file RANDOM-" in told


@pytest.fixture
def own_weights(tmp_path):
    """A weights file that has learned nothing, and says so in its name."""

    def make(network):
        import timm
        import torch
        from safetensors.torch import save_file

        path = tmp_path / f"RANDOM-{network}.safetensors"
        state = timm.create_model(network, num_classes=0).state_dict()
        for weight in state.values():
            if weight.ndim == 4:  # timm's own drawing lets Inception's activations explode
                torch.nn.init.kaiming_normal_(weight)
        save_file({k: v for k, v in state.items() if not k.startswith("pre_logits")}, path)
        return path

    return make
