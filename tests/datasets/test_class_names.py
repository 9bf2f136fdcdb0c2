"""What names of classes give away."""

from pathlib import Path

import pytest

from headstart.datasets.class_names import strange_names
from headstart.datasets.manifest import Manifest


def labelled(*labels: str) -> Manifest:
    number = len(labels)
    ids = tuple(f"{row}.jpg" for row in range(number))
    return Manifest(Path("/data"), ids, labels, ("",) * number, ("",) * number, "folders")


@pytest.mark.parametrize(
    ("labels", "kind", "names"),
    [
        (("cat", "dog, cat", "dog", "dog|cow", "a,b"), "several_labels", ("dog, cat", "dog|cow")),
        (("cat", "outdoor", "cat outdoor"), "several_labels", ("cat outdoor",)),
        (("NaN", "cat", "None", "dog"), "missing_labels", ("NaN", "None")),
        (("daisy", "rose", "test"), "split_as_class", ("test",)),
        (("73.21", "5.5", "cat"), "measurements", ("5.5", "73.21")),
    ],
)
def test_names_that_tell(labels: tuple[str, ...], kind: str, names: tuple[str, ...]) -> None:
    (found,) = strange_names(labelled(*labels))
    assert found.kind == kind
    assert sorted(found.examples) == sorted(names)


@pytest.mark.parametrize(
    "labels",
    [
        ("rose", "desert rose", "tulip"),
        ("0", "1", "2.0"),
        ("0.5", "0.5", "0.5", "1.5", "1.5", "1.5"),
        ("tested", "training ground", "Nancy"),
    ],
)
def test_names_that_are_only_names(labels: tuple[str, ...]) -> None:
    assert strange_names(labelled(*labels)) == []
