"""The server does what it says of itself: requests made up from its own description."""

import pytest

from headstart.serving.description import openapi
from headstart.serving.limits import Limits

DESCRIBED = openapi("0", Limits(), 50)


OPERATIONS = [
    f"{method.upper()} {path}" for path, item in DESCRIBED["paths"].items() for method in item
]


def try_out(server, label, examples, modes):
    # Here, not above: whoever only collects the tests need not load it.
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import checks

    # Not "what fits the schema is taken": no schema can say what a picture is.
    wanted = [
        checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    found = schemathesis.openapi.from_dict(DESCRIBED).get_all_operations()
    (operation,) = [one.ok() for one in found if one.ok().label == label]
    for mode in map(schemathesis.GenerationMode, modes):

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
            case.call_and_validate(base_url=server.url, checks=wanted)

        one()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_made_up_requests(server, operation):
    try_out(server, operation, 3, ["positive"])
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.startswith("POST")])
def test_many_made_up_requests(server, operation):
    try_out(server, operation, 300, ["positive", "negative"])
    assert server.client.get("/healthz").status_code == 200


def test_every_address_is_described(server):
    routes = {route.path for route in server._app._app.routes}
    assert routes - set(DESCRIBED["paths"]) == {"/", "/page.css", "/page.js"}
