import json

import pytest

from headstart.errors import SettingError
from headstart.finetuning.recipe import Tuning


def test_a_recipe_comes_back_from_json() -> None:
    tuning = Tuning.of("stage5", 500, mixup=0.2, mirror=False)
    assert Tuning.from_json(json.loads(json.dumps(tuning.to_json()))) == tuning


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"train_from": "bottom"}, "train_from is 'bottom'"),
        ({"train_from": "top0"}, "train_from is 'top0'"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"optimizer": "adam"}, "optimizer is 'adam'"),
        ({"alpha": 1.1}, "alpha is 1.1"),
        ({"mirror": 1}, "mirror is 1"),
        ({"augmentation": "lite"}, "no preset of augmentation is called 'lite'"),
        ({"augmentation": "light,turn"}, "'turn' is no setting of augmentation"),
        ({"steps_per_epoch": 0}, "steps_per_epoch is 0"),
        ({"epochs": 3, "frozen_epochs": 3}, "frozen_epochs is 3"),
        ({"start": "random"}, "start is 'random'"),
        ({"epoch": 3}, r"settings is \['epoch'\]"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], what: str) -> None:
    train_from = settings.pop("train_from", "top1")
    with pytest.raises(SettingError, match=what):
        Tuning.of(str(train_from), 100, **settings)


def test_few_pictures_are_seen_more_often() -> None:
    few, many = Tuning.of("top2", 60), Tuning.of("top2", 60_000)
    assert few.epochs > many.epochs == Tuning("top2").epochs
    assert Tuning.of("top2", 60, epochs=2).epochs == 2


def test_every_rung_has_defaults() -> None:
    for rung in ("top1", "top3", "stage2", "affine", "all", "scratch"):
        tuning = Tuning.of(rung, 100)
        assert tuning.is_partial == rung.startswith(("top", "stage"))


def test_an_epoch_of_few_steps_needs_more_epochs() -> None:
    assert Tuning.of("top1", 60_000, steps_per_epoch=10).epochs == 20


def test_the_heads_own_epochs_are_held_against_those_there_will_be() -> None:
    assert Tuning.of("all", 40, frozen_epochs=10).epochs > 10
    with pytest.raises(SettingError, match="frozen_epochs"):
        Tuning.of("all", 40, epochs=8, frozen_epochs=10)
