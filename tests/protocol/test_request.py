"""Hook requests: published examples, leniency, and a repr that shows nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.hooks import ENCOUNTER_START, PATIENT_VIEW
from cds_hooks.protocol.protocol_errors import HookMismatch, RequestInvalid
from cds_hooks.protocol.request import parse_request
from tests.sample.places import DATA, SAMPLE

REQUESTS = [
    path
    for data in DATA
    for folder in (data.folder / "hooks", data.crd)
    for path in sorted(folder.glob("*_hook_request.json"))
]
"""Ours of each hook and of one that nobody defined, and those that the CRD test kit publishes."""
STARTS = [path for path in REQUESTS if path.name == "encounter_start_hook_request.json"]


def request(**changes: Any) -> dict[str, Any]:
    context = {"userId": "Practitioner/1", "patientId": "2"}
    return {"hook": "patient-view", "hookInstance": "i", "context": context} | changes


def parsed(document: Any, hook: Any = PATIENT_VIEW) -> Any:
    return parse_request(orjson.dumps(document), hook)


def named(path):
    return path.name.removesuffix("_hook_request.json")


def test_there_is_a_request_of_every_kind():
    ours = [named(path) for path in REQUESTS if path.is_relative_to(SAMPLE.folder)]
    assert ours == [
        "appointment_book",
        "encounter_discharge",
        "encounter_start",
        "invented_structure",
        "order_dispatch",
        "order_select",
        "order_sign",
    ]


@pytest.mark.parametrize("path", REQUESTS, ids=named)
def test_requests_of_every_hook_are_read(path):
    raw = orjson.loads(path.read_bytes())
    found = parse_request(path.read_bytes())
    assert found.hook == raw["hook"] == named(path).replace("_", "-")
    assert found.context.patient_id == raw["context"]["patientId"]
    assert found.context.user_id == raw["context"].get("userId", "")
    rest = {"userId", "patientId", "encounterId"}
    assert found.context.extras == {k: v for k, v in raw["context"].items() if k not in rest}
    assert found.fhir_authorization.access_token == "SAMPLE_TOKEN"
    assert found.fhir_authorization.expires_in == 300


@pytest.mark.parametrize("path", STARTS, ids=named)
def test_an_encounter_start_of_others_is_ours(path):
    told = parse_request(path.read_bytes(), ENCOUNTER_START).context.encounter_id
    assert told == ("stay-7" if path.is_relative_to(SAMPLE.folder) else "example")


def test_context_is_read_leniently():
    """Shapes that the hook library's own examples get wrong are no concern of ours."""
    context = {
        "userId": "Practitioner/1",
        "patientId": "2",
        "encounterId": None,
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": {"category": {}}}]},
        "fulfillment-tasks": [None, 1],
        "allergyIntolerance": {"resource": {"clinicalStatus": "active"}},
    }
    found = parsed(request(context=context)).context
    assert found.encounter_id == ""
    assert set(found.extras) == {"draftOrders", "fulfillment-tasks", "allergyIntolerance"}


@pytest.mark.parametrize(
    ("sent", "read"),
    [(300, 300), ("300", 300), (300.9, 300), (None, None), ("", None), (0, 0), (-1, -1)],
)
def test_a_lifetime_is_read_however_it_is_written(sent, read):
    authorization = {"access_token": "t", "token_type": "bearer", "expires_in": sent}
    document = request(fhirServer="http://a.example/r4/", fhirAuthorization=authorization)
    found = parsed(document)
    assert found.fhir_authorization.expires_in == read
    assert found.fhir_server == "http://a.example/r4"


@pytest.mark.parametrize("lifetime", [float("1e400"), "1e400", "nan", [], {}])
def test_a_lifetime_that_is_no_number_is_refused(lifetime):
    authorization = {"access_token": "t", "expires_in": lifetime}
    body = orjson.dumps(request(fhirServer="http://a.example", fhirAuthorization=authorization))
    if lifetime == float("inf"):
        body = body.replace(b'"expires_in":null', b'"expires_in":1e308')
        assert parse_request(body).fhir_authorization.expires_in == int(1e308)
        return
    with pytest.raises(RequestInvalid) as caught:
        parse_request(body)
    assert caught.value.problems[0].path == "fhirAuthorization.expires_in"


def test_every_problem_is_collected():
    document = {"fhirServer": 1, "fhirAuthorization": {"token_type": 2}, "extension": []}
    with pytest.raises(RequestInvalid) as caught:
        parsed(document)
    assert [problem.path for problem in caught.value.problems] == [
        "hook",
        "hookInstance",
        "context",
        "fhirServer",
        "fhirAuthorization.access_token",
        "fhirAuthorization.token_type",
        "extension",
    ]
    assert "and 6 more" in caught.value.message


def test_another_hook_is_told_first():
    with pytest.raises(HookMismatch):
        parsed({"hook": "order-sign"})


def test_a_repr_shows_no_value_of_the_patient_or_the_token():
    secret = "SENTINEL"
    document = request(
        context={"userId": f"Practitioner/{secret}", "patientId": secret, "x": secret},
        fhirServer=f"https://{secret}.example",
        fhirAuthorization={"access_token": secret, "subject": secret, "patient": secret},
        prefetch={secret: secret},
        extension={secret: secret},
    )
    found = parsed(document)
    assert found.context.patient_id == secret
    assert secret not in repr(found)


def test_a_request_cannot_be_changed():
    found = parsed(request())
    with pytest.raises(AttributeError):
        found.hook = "x"
    with pytest.raises(TypeError):
        found.prefetch["patient"] = {}


scalars = st.none() | st.booleans() | st.integers(0, 9) | st.just("SENTINEL")
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=2) | st.dictionaries(st.just("a"), v), max_leaves=5
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "hook": st.just("patient-view") | values,
            "hookInstance": values,
            "context": st.fixed_dictionaries(
                {}, optional={"userId": values, "patientId": values, "encounterId": values}
            )
            | values,
            "fhirServer": st.just("https://a.example") | values,
            "fhirAuthorization": st.fixed_dictionaries(
                {}, optional={"access_token": values, "expires_in": values, "scope": values}
            )
            | values,
            "prefetch": values,
            "extension": values,
        },
    )
)
def test_any_document_is_a_request_or_a_refusal_without_values(document):
    found, refusal = outcome(document)
    if refusal:
        assert refusal.status == 400
        assert "SENTINEL" not in refusal.diagnostics() + str(getattr(refusal, "problems", ""))
    else:
        assert found.context.patient_id
        assert found.context.user_id
        assert found.fhir_authorization is None or found.fhir_server


def outcome(document: Any) -> tuple[Any, ChartsideError | None]:
    try:
        return parsed(document), None
    except ChartsideError as error:
        return None, error
