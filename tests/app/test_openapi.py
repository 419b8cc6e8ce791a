"""The OpenAPI document: true to the service, and attacked through it."""

from __future__ import annotations

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cds_hooks.services import REGISTRY

ROUTES = {
    "/cds-services": ["get"],
    "/cds-services/{service_id}": ["post"],
    "/cds-services/{service_id}/feedback": ["post"],
    "/healthz": ["get"],
    "/readyz": ["get"],
    "/version": ["get"],
    "/metrics": ["get"],
    "/basis": ["get"],
    "/consultations/{link}": ["get"],
    "/consultations/{link}/feedback": ["post"],
}


@pytest.fixture(scope="module")
def document(make_edge):
    return make_edge().call("GET", "/openapi.json").json()


def test_it_names_every_route(document):
    assert {path: list(item) for path, item in document["paths"].items()} == ROUTES
    assert document["info"]["version"] == "1.2.3"


def test_its_schemas_are_sound_and_complete(document):
    schemas = document["components"]["schemas"]
    for name in ("discovery", "feedback", "hook-request", "operation-outcome", "response"):
        whole = {"components": document["components"], "$ref": f"#/components/schemas/{name}"}
        jsonschema_rs.Draft202012Validator(whole, offline=True)
    assert "#/$defs" not in str(schemas)
    assert "HTTPValidationError" not in schemas


def test_its_schemas_say_what_leaves(document, make_edge, request_for):
    whole = {
        "components": document["components"],
        "$ref": "#/components/schemas/response",
    }
    validator = jsonschema_rs.Draft202012Validator(whole, offline=True)
    edge = make_edge()
    cards = edge.call("POST", "/cds-services/chartside-patient-view", json=request_for()).json()
    assert validator.is_valid(cards)
    assert not validator.is_valid({"cards": [{"summary": "x" * 140}]})


FEWER = settings(
    max_examples=settings.default.max_examples // 5, phases=[Phase.explicit, Phase.generate]
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def operations(make_edge):
    schema = schemathesis.openapi.from_asgi("/openapi.json", make_edge().app)
    return {
        f"{found.ok().method} {found.ok().path}": found.ok()
        for found in schema.get_all_operations()
    }


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", [path for path in ROUTES if "{" in path])
def test_no_generated_call_gets_an_answer_that_is_not_described(operations, path, mode):
    operation = operations[f"{ROUTES[path][0]} {path}"]

    @FEWER
    @given(case=operation.as_strategy(generation_mode=mode))
    def attack(case):
        case.call_and_validate(checks=CHECKS)

    attack()


HOOKS = {service.id: service.hook for service in REGISTRY}


@pytest.mark.parametrize(
    "path", [p for p, [method] in ROUTES.items() if method == "post" and "service_id" in p]
)
def test_what_conforms_to_the_schemas_is_taken(operations, path):
    operation = operations[f"post {path}"]

    @FEWER
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def send(case):
        if "feedback" not in path:  # whose entries may have any member, a "hook" among them
            case.body["hook"] = HOOKS[case.path_parameters["service_id"]]
            case.body["context"]["encounterId"] = "e1"
        response = case.call()
        assert response.status_code == 200, response.text
        if "feedback" in path:
            taken = response.json()["issue"][0]["details"]["text"]
            assert taken == f"entries taken: {len(case.body['feedback'])}"

    send()
