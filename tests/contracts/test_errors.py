"""What every error promises."""

import pickle

import pytest

from headstart import errors
from headstart.errors import HeadstartError, UnusableImage

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, HeadstartError) and kind is not HeadstartError
]


@pytest.mark.parametrize("kind", KINDS)
def test_inherits_what_a_stranger_would_catch(kind: type[HeadstartError]) -> None:
    ours = {HeadstartError, Exception, BaseException, object, *KINDS}
    assert any(parent not in ours for parent in kind.__mro__)


@pytest.mark.parametrize("kind", KINDS)
def test_survives_pickling(kind: type[HeadstartError]) -> None:
    given = ("truncated", "after 3 rows") if kind is UnusableImage else ("what", "this", "do that")
    error = kind(*given)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_the_message_has_three_lines() -> None:
    assert str(HeadstartError("it broke", "a whole", "mend it")).splitlines() == [
        "it broke",
        "expected: a whole",
        "fix: mend it",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_stands_in_the_tree_that_is_drawn(kind: type[HeadstartError]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__
