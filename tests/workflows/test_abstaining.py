"""What held-out pictures can promise."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.errors import SettingError
from headstart.workflows.abstaining import must_be_attainable


def test_an_error_that_nothing_could_show_is_refused_at_once() -> None:
    """0.99 to the 298th is just above 5 %: 299 faultless answers show 1 %."""
    must_be_attainable(None, np.arange(2))
    must_be_attainable(0.01, np.arange(299))
    with pytest.raises(SettingError, match="1 % cannot be shown with 298 held-out pictures"):
        must_be_attainable(0.01, np.arange(298))
    with pytest.raises(SettingError):
        must_be_attainable(0.01, np.arange(299) // 2)
