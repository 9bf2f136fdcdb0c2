"""Who may come in."""

import pytest

from headstart.serving.gate import Access
from headstart.serving.refusal import Refusal


def status(access, path="/about", **headers):
    try:
        access.check(path, {name.encode(): value.encode() for name, value in headers.items()})
    except Refusal as refusal:
        return refusal.status
    return 200


def test_names_that_the_server_was_told():
    access = Access(hosts=frozenset({"cats.example"}))
    assert status(access, host="cats.example", origin="https://cats.example:8443") == 200
    assert status(access, host="Cats.Example:80") == 200
    assert status(access, host="dogs.example") == 421
    assert status(access, host="cats.example", origin="https://dogs.example") == 403


@pytest.mark.parametrize(
    "given",
    [
        "",
        "wrong",
        "Bearer",
        "Bearer wrong",
        "Basic right",
        "right",
        "Bearer righ",
        "Bearer right right",
    ],
)
def test_a_wrong_token(given):
    assert status(Access("right"), authorization=given) == 401


def test_the_right_token_and_what_needs_none():
    access = Access("right")
    assert status(access, authorization="Bearer right", host="any.example") == 200
    assert status(access, authorization="bearer  right") == 200
    for path in ("/", "/page.js", "/page.css", "/healthz", "/readyz", "/v2/health/live"):
        assert status(access, path) == 200
    for path in ("/predict", "/about", "/metrics", "/openapi.json", "/v2", "//", "/healthz/"):
        assert status(access, path) == 401
