"""Families of pictures give themselves away by how near they are."""

import numpy as np
import pytest

from headstart.audit.siblings import share_with_siblings


def families(number: int, size: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Features [number * size, 32] of families around centres, in two classes."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(number, 32)).repeat(size, axis=0)
    y = (np.arange(number) % 2).repeat(size)
    return centres + apart * random.normal(size=centres.shape), y


@pytest.mark.parametrize("size", [2, 3, 6])
def test_members_of_families_are_found(size: int) -> None:
    features, y = families(60, size, apart=0.2)
    rows = np.arange(len(y))
    assert share_with_siblings(features, y, rows, 0) == pytest.approx(1, abs=0.02)
    assert share_with_siblings(features, y, np.arange(60).repeat(size), 0) == 0


def test_families_in_large_classes_are_not_torn_apart() -> None:
    features, y = families(4000, 3, apart=0.2)
    found = share_with_siblings(features, y, np.arange(len(y)), 0)
    assert found is not None
    assert found > 0.9


def test_pictures_taken_one_by_one_have_none() -> None:
    features, y = families(300, 1, apart=1.0)
    found = share_with_siblings(features, y, np.arange(300), 0)
    assert found is not None
    assert found < 0.02


def test_small_classes_say_nothing() -> None:
    features, y = families(30, 1, apart=1.0)
    assert share_with_siblings(features, y, np.arange(30), 0) is None
