"""The server does what it says of itself: requests made up from its own description."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks

from headstart.serving.description import openapi
from headstart.serving.limits import Limits

# Not "what fits the schema is taken": no schema can say what a picture is.
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
DESCRIBED = openapi("0", Limits(), 50)


def operations():
    schema = schemathesis.openapi.from_dict(DESCRIBED)
    return [found.ok() for found in schema.get_all_operations()]


def try_out(server, operation, examples, modes):
    for mode in modes:

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case):
            if "name" in (case.path_parameters or {}):
                case.path_parameters["name"] = server.name
            case.call_and_validate(base_url=server.url, checks=CHECKS)

        one()


@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.label)
def test_made_up_requests(server, operation):
    try_out(server, operation, 3, [schemathesis.GenerationMode.POSITIVE])
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation", [one for one in operations() if one.method == "post"], ids=lambda one: one.label
)
def test_many_made_up_requests(server, operation):
    try_out(server, operation, 300, list(schemathesis.GenerationMode))
    assert server.client.get("/healthz").status_code == 200


def test_every_address_is_described(server):
    routes = {route.path for route in server._app._app.routes}
    assert routes - set(DESCRIBED["paths"]) == {"/", "/page.css", "/page.js"}
