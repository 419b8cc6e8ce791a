"""Items 1 to 11, 18 to 24 and 72 of the conformance list, against the real application."""

from __future__ import annotations

import json
import re

import pytest

from cds_hooks.app import AppConfig
from cds_hooks.app.server_settings import ServerSettings
from cds_hooks.protocol.hooks import ENCOUNTER_START, PATIENT_VIEW
from cds_hooks.protocol.prefetch_template_rules import template_problems
from cds_hooks.services import REGISTRY

VIEW = "/cds-services/chartside-patient-view"
ORIGIN = "https://sandbox.example"
TEMPLATES = [(s.hook, key, query) for s in REGISTRY for key, query in s.prefetch.items()]
each_template = pytest.mark.parametrize(("hook", "key", "query"), TEMPLATES)


@pytest.fixture
async def services(edge):
    response = await edge.get("/cds-services")
    return response.json()["services"]


async def test_item_01_everything_of_the_protocol_is_json(edge, request_for):
    answers = [
        await edge.get("/cds-services"),
        await edge.fire(request_for()),
        await edge.fire(b"no"),
        await edge.post(f"{VIEW}/feedback", {"feedback": []}),
        await edge.get("/nowhere"),
    ]
    for answer in answers:
        assert answer.headers["content-type"] == "application/json"
        json.loads(answer.content.decode("utf-8"))


async def test_item_06_discovery_is_at_one_path_only(edge):
    assert (await edge.get("/cds-services")).status_code == 200
    assert (await edge.get("/.well-known/cds-services")).status_code == 404


async def test_item_07_discovery_answers_200_with_a_services_array(edge, make_edge):
    response = await edge.get("/cds-services")
    assert response.status_code == 200
    assert list(response.json()) == ["services"]
    assert len(response.json()["services"]) == len(REGISTRY)
    none = await make_edge(services=()).get("/cds-services")
    assert (none.status_code, none.json()) == (200, {"services": []})


def test_item_08_each_service_has_its_attributes(services):
    for service in services:
        for name in ("hook", "id", "description", "title", "usageRequirements"):
            assert isinstance(service[name], str)
            assert service[name]
        assert service["version"] == "2.0.1"
        of = "0.1.0" if service["hook"] == "problem-list-item-create" else "1.0"
        assert service["hookVersion"] == of
        assert all(isinstance(query, str) for query in service["prefetch"].values())
    assert {service["hook"] for service in services} == {
        "patient-view",
        "encounter-start",
        "appointment-book",
        "problem-list-item-create",
    }


def test_item_09_one_distinct_id_per_hook(services, make_edge):
    ids = [service["id"] for service in services]
    assert len(set(ids)) == len(ids)
    with pytest.raises(ValueError, match="same id"):
        make_edge(services=(REGISTRY[0], REGISTRY[0]))


async def test_item_10_other_statuses_of_discovery_say_why(edge, code_of):
    response = await edge.post("/cds-services", {})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    assert code_of(response) == "method-not-allowed"


async def test_item_11_an_id_is_a_path_segment_under_the_same_base(edge, services, request_for):
    for service in services:
        assert re.fullmatch(r"[a-z0-9-]+", service["id"])
        path = f"/cds-services/{service['id']}"
        assert (await edge.fire(request_for(service["hook"]), path)).status_code == 200


@each_template
def test_item_18_a_template_is_a_relative_read_or_search(hook, key, query):
    assert re.fullmatch(r"[A-Z][A-Za-z]+(/\{\{[a-zA-Z.]+\}\}|\?.+)", query)
    assert re.fullmatch(r"[A-Za-z]+", key)


@each_template
def test_item_19_tokens_are_delimited_by_double_braces(hook, key, query):
    assert re.findall(r"\{\{[^{} ]+\}\}", query)
    assert "{" not in re.sub(r"\{\{[^{} ]+\}\}", "", query)


@each_template
def test_item_20_tokens_are_root_fields_that_the_hook_offers(hook, key, query):
    offered = {"context.patientId", "context.encounterId", "context.userId"}
    assert set(re.findall(r"\{\{(.+?)\}\}", query)) <= offered


@pytest.mark.parametrize(
    "query",
    [
        "MedicationRequest/{{context.draftOrders.MedicationRequest.id}}",
        "Patient/{{patientId}}",
        "Patient/{{context.patientid}}",
        "Patient/{{ context.patientId }}",
        "Patient/{{today()}}",
    ],
)
def test_item_20_other_tokens_are_refused(query):
    assert template_problems(query, PATIENT_VIEW)


def test_item_21_user_id_alone_is_a_read_and_user_tokens_are_bare_ids():
    assert template_problems("{{context.userId}}", PATIENT_VIEW) == []
    assert template_problems("Practitioner/{{userPractitionerId}}", ENCOUNTER_START) == []
    assert template_problems("{{context.patientId}}", PATIENT_VIEW)


@each_template
def test_item_22_only_the_recommended_subset_of_search(hook, key, query):
    names = {part.partition("=")[0] for part in query.partition("?")[2].split("&")} - {""}
    assert names <= {"patient", "category", "_sort", "_count"}


@pytest.mark.parametrize(
    "query",
    [
        "Condition?patient={{context.patientId}}&_include=Condition:encounter",
        "Condition?patient.name=x",
        "Condition?patient={{context.patientId}}&category:not=x",
        "Observation?patient={{context.patientId}}&date=ne2020-01-01",
        "Observation?patient={{context.patientId}}&_count=many",
        "https://ehr.example/Patient/{{context.patientId}}",
        "/Patient/{{context.patientId}}",
        "Patient/{{context.patientId}}/$everything",
        "Observation?patient={{context.patientId}}&code=" + "1," * 100,
    ],
)
def test_item_22_what_is_outside_the_subset_is_refused(query):
    assert template_problems(query, PATIENT_VIEW)


@each_template
def test_item_23_nothing_of_the_draft_of_3_is_published(hook, key, query):
    assert not re.search(r"[%|()]|_maxresults", query)


@each_template
def test_item_24_newest_first_is_sort_minus_date(hook, key, query):
    assert "sort:desc" not in query
    assert ("_sort=" in query) == ("_sort=-date" in query)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/cds-services", "authorization"),
        ("POST", VIEW, "authorization,content-type"),
        ("POST", f"{VIEW}/feedback", "authorization,content-type"),
    ],
)
async def test_item_72_preflights_without_a_token_are_answered(make_edge, method, path, headers):
    edge = make_edge(config=AppConfig(ServerSettings(cors_origins=(ORIGIN,))))
    asking = {
        "origin": ORIGIN,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
    }
    response = await edge.request("OPTIONS", path, headers=asking)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert method in response.headers["access-control-allow-methods"]
    allowed = response.headers["access-control-allow-headers"].lower()
    assert all(header in allowed for header in headers.split(","))
    assert not edge.asked


async def test_item_72_the_real_calls_carry_the_origin_errors_too(make_edge, request_for):
    edge = make_edge(config=AppConfig(ServerSettings(cors_origins=(ORIGIN,))))
    good = await edge.post(VIEW, request_for(), origin=ORIGIN)
    bad = await edge.post(VIEW, b"no", origin=ORIGIN)
    assert (good.status_code, bad.status_code) == (200, 400)
    for response in (good, bad):
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in response.headers["vary"]


async def test_item_72_other_origins_are_refused(make_edge, code_of, request_for):
    edge = make_edge(config=AppConfig(ServerSettings(cors_origins=(ORIGIN,))))
    asking = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    preflight = await edge.request("OPTIONS", VIEW, headers=asking)
    assert (preflight.status_code, code_of(preflight)) == (400, "cors-refused")
    call = await edge.post(VIEW, request_for(), origin="https://evil.example")
    for response in (preflight, call):
        assert "access-control-allow-origin" not in response.headers
        assert "evil" not in response.text


async def test_item_72_off_by_default(edge, request_for):
    asking = {"origin": ORIGIN, "access-control-request-method": "POST"}
    for response in (
        await edge.request("OPTIONS", VIEW, headers=asking),
        await edge.post(VIEW, request_for(), origin=ORIGIN),
    ):
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example", "null", "https://a.example/", "a.example", "HTTPS://A.B"]
)
def test_item_72_a_careless_origin_is_refused_at_start(origin):
    with pytest.raises(ValueError, match="cors_origins"):
        ServerSettings(cors_origins=(origin,))
