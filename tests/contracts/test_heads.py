"""What every head promises."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.heads.catalog import HEADS, make_head


@parametrize_with_checks([make_head(name) for name in HEADS])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
