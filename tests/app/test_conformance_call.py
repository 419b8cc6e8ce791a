"""Items 12 to 17 and 25 to 36: how a service is called, against the real application."""

from __future__ import annotations

import asyncio
import gc
import logging

import orjson
import pytest

from cds_hooks.app import AppConfig
from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.request import FhirAuthorization

VIEW = "/cds-services/chartside-patient-view"
START = "/cds-services/chartside-encounter-start"
AUTHORIZATION = {
    "access_token": "token-SENTINEL",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/Observation.read",
    "subject": "chartside",
    "patient": "1288992",
}
SERVER = {"fhirServer": "https://ehr.example/r4", "fhirAuthorization": AUTHORIZATION}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
WARNING = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "warning", "code": "processing"}],
}


class PatientMissing(ChartsideError):
    code = "patient-missing"
    status = 412
    issue = "required"


async def asked_with(edge, document, path=VIEW):
    response = await edge.fire(document, path)
    assert response.status_code == 200, response.text
    return edge.asked[-1][1]


async def test_item_12_a_service_is_called_by_post_at_its_id(edge, request_for):
    response = await edge.fire(request_for())
    assert response.status_code == 200
    assert edge.asked[0][0].id == "chartside-patient-view"
    assert (await edge.get(VIEW)).status_code == 405


@pytest.mark.parametrize("path", ["//cds-services//chartside-patient-view", f"{VIEW}/"])
async def test_item_12_a_base_url_joined_carelessly_still_arrives(edge, request_for, path):
    response = await edge.fire(request_for(), f"http://edge.test{path}")
    assert response.status_code == 200


async def test_item_13_every_field_of_a_request_is_read(edge, request_for):
    request = await asked_with(edge, request_for(**SERVER, extension={"org.example.x": {"a": 1}}))
    assert request.hook == "patient-view"
    assert request.hook_instance == "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
    assert request.fhir_server == "https://ehr.example/r4"
    assert request.fhir_authorization.access_token == "token-SENTINEL"
    context = request.context
    assert (context.user_id, context.patient_id) == ("Practitioner/p1", "1288992")
    assert context.encounter_id == "89284"
    assert request.prefetch["patient"]["id"] == "1288992"
    assert request.extension == {"org.example.x": {"a": 1}}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"hook": ...}, "request-invalid"),
        ({"hookInstance": ...}, "request-invalid"),
        ({"context": ...}, "request-invalid"),
        ({"context": {"patientId": "1"}}, "request-invalid"),
        ({"context": {"userId": "Practitioner/1"}}, "request-invalid"),
        ({"hook": "order-sign"}, "hook-mismatch"),
        ({"fhirAuthorization": AUTHORIZATION}, "request-invalid"),
    ],
)
async def test_item_14_a_malformed_request_is_400(edge, request_for, code_of, changes, code):
    response = await edge.fire(request_for(**changes))
    assert (response.status_code, code_of(response)) == (400, code)
    assert not edge.asked


async def test_item_14_the_statuses_the_specification_leaves_open(edge, request_for, code_of):
    unknown = await edge.fire(request_for(), "/cds-services/somebody-else")
    assert (unknown.status_code, code_of(unknown)) == (404, "service-unknown")
    text = await edge.post(VIEW, request_for(), content_type="text/plain")
    assert (text.status_code, code_of(text)) == (415, "content-type-unsupported")
    truncated = await edge.fire(orjson.dumps(request_for())[:-1])
    assert (truncated.status_code, code_of(truncated)) == (400, "body-not-json")


async def test_item_14_encounter_start_needs_its_encounter(edge, request_for):
    document = request_for("encounter-start")
    del document["context"]["encounterId"]
    response = await edge.fire(document, START)
    assert response.status_code == 400
    assert response.json()["issue"][0]["expression"] == ["context.encounterId"]


async def test_item_14_every_problem_is_named_at_once(edge, request_for):
    response = await edge.fire(request_for(hookInstance=5, fhirServer="ftp://x", prefetch=[1]))
    paths = [issue["expression"][0] for issue in response.json()["issue"]]
    assert paths == ["hookInstance", "fhirServer", "prefetch"]


async def test_item_15_unknown_properties_and_scalar_extensions_are_let_through(edge, request_for):
    epic = {
        "com.epic.cdshooks.request.bpa-trigger-action": "60",
        "com.epic.cdshooks.request.cds-hooks-specification-version": "1.1",
        "internal": True,
        "n": 5,
    }
    request = await asked_with(edge, request_for(extension=epic, fhirVersion="R4", **{"x-y": [1]}))
    assert request.extension == epic


async def test_item_16_an_answer_that_never_comes_is_given_up(make_edge, request_for, code_of):
    async def never(*_):
        await asyncio.Event().wait()

    edge = make_edge(never, AppConfig(answer_at_most_s=0.05))
    response = await edge.fire(request_for())
    assert (response.status_code, code_of(response)) == (503, "answer-late")
    assert int(response.headers["retry-after"]) > 0


async def test_item_16_a_timeout_inside_the_work_is_not_ours(make_edge, request_for, code_of):
    async def breaks(*_):
        raise TimeoutError

    response = await make_edge(breaks).fire(request_for())
    assert (response.status_code, code_of(response)) == (500, "internal")


async def test_item_17_by_prefetch_or_by_the_fhir_server(edge, request_for):
    by_prefetch = await asked_with(edge, request_for())
    assert by_prefetch.fhir_authorization is None
    assert by_prefetch.prefetch
    by_server = await asked_with(edge, request_for(prefetch=..., **SERVER))
    assert by_server.fhir_authorization is not None
    assert not by_server.prefetch


@pytest.mark.parametrize("prefetch", [..., None, {}, {"patient": None}, {"-user": {"a": 1}}])
async def test_item_25_a_client_may_honour_none_some_or_other_templates(
    edge, request_for, prefetch
):
    request = await asked_with(edge, request_for(prefetch=prefetch))
    assert dict(request.prefetch) == (prefetch if isinstance(prefetch, dict) else {})


async def test_item_26_operation_outcomes_in_prefetch_reach_the_service(edge, request_for):
    bundle = {**EMPTY, "entry": [{"search": {"mode": "outcome"}, "resource": WARNING}]}
    prefetch = {"problems": WARNING, "vitals": bundle}
    request = await asked_with(edge, request_for(prefetch=prefetch))
    assert dict(request.prefetch) == prefetch


async def test_item_27_the_service_can_tell_what_is_missing(edge, request_for):
    await asked_with(edge, request_for())
    definition, request, _ = edge.asked[0]
    missing = set(definition.prefetch) - set(request.prefetch)
    assert missing == set(definition.prefetch) - {"patient"}
    assert definition.required == {"patient"}


async def test_item_28_required_data_that_cannot_be_had_is_412(make_edge, request_for, code_of):
    async def answer(*_):
        raise PatientMissing("the patient could not be had", where="prefetch.patient", hint="x.")

    response = await make_edge(answer).fire(request_for(prefetch=...))
    assert (response.status_code, code_of(response)) == (412, "patient-missing")
    assert response.json()["issue"][0]["expression"] == ["prefetch.patient"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"resourceType": "Patient", "id": "1"},
        EMPTY,
        {**EMPTY, "entry": [{"resource": {"resourceType": "Condition"}}]},
        {**EMPTY, "link": [{"relation": "next", "url": "https://ehr.example/r4?page=2"}]},
        WARNING,
        {**EMPTY, "entry": [{"resource": WARNING, "search": {"mode": "outcome"}}]},
        {"resourceType": "Practitioner"},
        "123",
        [],
        {},
        7,
    ],
)
async def test_item_29_each_state_of_a_key_reaches_the_service_as_sent(edge, request_for, value):
    request = await asked_with(edge, request_for(prefetch={"problems": value}))
    assert dict(request.prefetch) == {"problems": value}
    assert "vitals" not in request.prefetch


async def test_item_30_an_authorization_is_read_whole(edge, request_for):
    found = (await asked_with(edge, request_for(**SERVER))).fhir_authorization
    assert found == FhirAuthorization(
        access_token="token-SENTINEL",
        expires_in=300,
        scope="patient/Observation.read",
        subject="chartside",
        patient="1288992",
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"access_token": ""}, "fhirAuthorization.access_token"),
        ({"access_token": "two words"}, "fhirAuthorization.access_token"),
        ({"access_token": "x\r\nHost: y"}, "fhirAuthorization.access_token"),
        ({"token_type": "DPoP"}, "fhirAuthorization.token_type"),
        ({"expires_in": "soon"}, "fhirAuthorization.expires_in"),
        ({"expires_in": True}, "fhirAuthorization.expires_in"),
        ({"scope": 5}, "fhirAuthorization.scope"),
    ],
)
async def test_item_30_an_unusable_authorization_is_refused(edge, request_for, changes, path):
    document = request_for(**{**SERVER, "fhirAuthorization": {**AUTHORIZATION, **changes}})
    response = await edge.fire(document)
    assert response.status_code == 400
    assert response.json()["issue"][0]["expression"] == [path]


async def test_item_31_token_and_server_reach_the_service_together(edge, request_for):
    request = await asked_with(edge, request_for(**SERVER))
    assert (request.fhir_server, request.fhir_authorization.token_type) == (
        "https://ehr.example/r4",
        "Bearer",
    )


async def test_item_32_the_edge_keeps_no_token_after_the_answer(make_edge, request_for):
    async def answer(*_):
        return Response()

    edge = make_edge(answer)
    authorization = {**AUTHORIZATION, "access_token": "only-here"}
    document = request_for(**{**SERVER, "fhirAuthorization": authorization})
    assert (await edge.fire(document)).status_code == 200
    assert _authorizations_with("only-here")
    edge.asked.clear()
    gc.collect()
    assert not _authorizations_with("only-here")


def _authorizations_with(token: str) -> list[FhirAuthorization]:
    found = [thing for thing in gc.get_objects() if type(thing) is FhirAuthorization]
    return [thing for thing in found if thing.access_token == token]


async def test_item_33_the_access_token_is_never_shown(make_edge, request_for, caplog):
    caplog.set_level(logging.DEBUG)

    async def fails(_, request, __):
        raise RuntimeError(request.fhir_authorization.access_token)

    edge = make_edge(fails)
    response = await edge.fire(request_for(**SERVER))
    request = edge.asked[0][1]
    shown = [response.text, str(response.headers), repr(request), str(edge.seen), caplog.text]
    assert response.status_code == 500
    assert not [text for text in shown if "SENTINEL" in text]


async def test_item_34_the_callers_jwt_is_never_shown(make_edge, request_for, caplog):
    caplog.set_level(logging.DEBUG)

    async def fails(*_):
        raise RuntimeError("x")

    edge = make_edge(fails)
    response = await edge.post(VIEW, request_for(), authorization="Bearer eyJ-SENTINEL")
    assert response.status_code == 500
    assert edge.seen[0].fault.startswith("RuntimeError at ")
    shown = [response.text, str(response.headers), str(edge.seen), str(edge.asked), caplog.text]
    assert not [text for text in shown if "SENTINEL" in text]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ehr.example/r4",
        "https://",
        "https://user:secret@ehr.example/r4",
        "https://ehr.example/r4?x=1",
        "https://ehr.example/r4#x",
        "https://ehr.example:99999/r4",
        "https://ehr.example /r4",
        "https://ehr.example/r4\n",
        5,
        {},
    ],
)
async def test_item_35_a_fhir_server_that_is_no_base_url_is_refused(edge, request_for, url):
    response = await edge.fire(request_for(fhirServer=url))
    assert response.status_code == 400
    assert response.json()["issue"][0]["expression"] == ["fhirServer"]


@pytest.mark.parametrize(
    "scope", ["Observation.Read (Labs) (R4)", "patient/*.rs?category=x", "", None]
)
async def test_item_36_any_scope_text_is_taken_and_decides_nothing(edge, request_for, scope):
    document = request_for(**{**SERVER, "fhirAuthorization": {**AUTHORIZATION, "scope": scope}})
    request = await asked_with(edge, document)
    assert request.fhir_authorization.scope == (scope or "")
