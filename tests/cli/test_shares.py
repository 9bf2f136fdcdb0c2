import click
import pytest

from headstart.cli.shares import share


@pytest.mark.parametrize("text", ["1%", "0.01", "1 %", ".01", "1e-2"])
def test_one_per_cent(text):
    assert share(text) == pytest.approx(0.01)


@pytest.mark.parametrize("text", ["1", "0", "0%", "100%", "-1%", "1%%", "%", "one", "nan", ""])
def test_no_share(text):
    with pytest.raises(click.BadParameter, match="such as 1% or"):
        share(text)
