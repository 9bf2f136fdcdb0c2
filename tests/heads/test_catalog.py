"""Heads by name."""

import pytest

from headstart.errors import SettingError
from headstart.heads.catalog import HEADS, make_head


@pytest.mark.parametrize("name", HEADS)
def test_the_seed_reaches_every_head_that_draws(name):
    head = make_head(name, seed=7)
    assert type(head) is HEADS[name].kind
    assert head.get_params().get("seed", 7) == 7


def test_an_unknown_name_is_refused_with_near_ones():
    with pytest.raises(
        SettingError, match=r"'rigde'[\s\S]*one of ridge, softmax[\s\S]*did you mean ridge"
    ):
        make_head("rigde")
    with pytest.raises(SettingError, match=r"random-features, ensemble, [\s\S]*mean ensemble"):
        make_head("ensembel")
    with pytest.raises(SettingError, match="choose one of them"):
        make_head("xyzzy")
