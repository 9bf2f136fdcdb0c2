"""One thread of linear algebra: on problems this small several would only wait for one another."""

import pytest
import scipy.linalg  # noqa: F401 (brings its own library, which is only limited once it is there)
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    with threadpool_limits(1):
        yield
