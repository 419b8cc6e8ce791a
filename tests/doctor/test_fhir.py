"""Faults planted in FHIR servers, their clocks and what their templates bring."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cds_hooks.consultation import KeyState
from cds_hooks.doctor.fhir_findings import (
    ServerSeen,
    TemplateRead,
    clock_finding,
    server_finding,
    template_finding,
    time_finding,
)
from cds_hooks.doctor.fhir_probe import time_of
from tests.cds_client.conftest import faulty_fhir
from tests.doctor.conftest import FAIL, NOT_CHECKED, PASS, WARN, Examine, shows
from tests.prewarm.conftest import Served

Fhir = Callable[[Any], str]


@pytest.fixture
def fhir(serve: Callable[[Any], Served]) -> Fhir:
    """The settings that list a server."""

    def start(app: Any) -> str:
        return f'[fhir]\nallowed_bases = ["{serve(app).url}/fhir"]\n'

    return start


def server(version: str = "4.0.1", date: str = "", fault: str = "", observations: int = 2) -> Any:
    """A server with a CapabilityStatement, a patient, and a fault for searches of Observation."""

    async def read(request: Any) -> Response:
        path = request.url.path.removeprefix("/fhir/")
        if path == "metadata":
            statement = {"resourceType": "CapabilityStatement", "fhirVersion": version}
            return JSONResponse(statement)
        if path.startswith("Patient/"):
            known = path == "Patient/alpha"
            return JSONResponse({"resourceType": "Patient", "id": "alpha"}, 200 if known else 404)
        if path != "Observation":
            return JSONResponse({"resourceType": "Bundle", "type": "searchset", "total": 0})
        if fault.isdecimal():
            return Response(status_code=int(fault))
        return JSONResponse(_observations(observations, fault))

    return Starlette(routes=[Route("/fhir/{path:path}", read, methods=["GET", "HEAD"])])


def _observations(count: int, fault: str) -> dict[str, Any]:
    entries = [
        {"resource": {"resourceType": "Observation", "id": f"o{n}", "code": {"text": "x"},
                      "subject": {"reference": "Patient/alpha"}}}
        for n in range(count)
    ]  # fmt: skip
    elsewhere = [{"relation": "next", "url": "https://elsewhere.example.org/page2"}]
    link = elsewhere if fault == "next-elsewhere" else []
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, "link": link}


def test_no_server_is_listed(examine: Examine) -> None:
    shows(examine("fhir"), "fhir-server", NOT_CHECKED)


def test_each_template_of_a_patient_is_counted(examine: Examine, fhir: Fhir) -> None:
    found = examine("fhir", fhir(server()), patient="alpha")
    assert "FHIR 4.0.1" in shows(found, "fhir-server", PASS).says
    by_key = {each.where: each for each in found if each.id == "prefetch-template"}
    assert by_key["laboratory"].says.startswith("2 resources, fetched")
    assert by_key["problems"].says.startswith("0 resources, empty")
    assert by_key["encounter"].level is NOT_CHECKED
    shows(found, "prefetch-template", PASS)
    shows(found, "fhir-in-time", PASS)
    assert "alpha" not in json.dumps([each.document() for each in found])


def test_without_a_patient_templates_are_not_checked(examine: Examine, fhir: Fhir) -> None:
    found = examine("fhir", fhir(server()))
    assert "problems" in shows(found, "prefetch-template", NOT_CHECKED).says
    shows(found, "fhir-in-time", NOT_CHECKED)
    assert sum(each.id == "prefetch-template" for each in found) == 1


def test_with_an_encounter_its_template_is_read(examine: Examine, fhir: Fhir) -> None:
    found = examine("fhir", fhir(server()), patient="alpha", encounter="e1")
    [of_it] = [each for each in found if each.where == "encounter"]
    assert of_it.level is not NOT_CHECKED


@pytest.mark.parametrize("fault", ["html", "401", "404", "500", "redirect"])
def test_a_server_that_cannot_be_read(examine: Examine, fhir: Fhir, fault: str) -> None:
    assert shows(examine("fhir", fhir(faulty_fhir(fault))), "fhir-server", FAIL).mend


def test_a_server_that_is_not_there(examine: Examine) -> None:
    text = '[fhir]\nallowed_bases = ["http://127.0.0.1:1/fhir"]\n'
    found = examine("fhir", text, patient="alpha")
    assert "unreachable" in shows(found, "fhir-server", FAIL).says
    assert [each.id for each in found] == ["fhir-server"]


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("3.0.2", PASS),
        ("4.0.1", PASS),
        ("4.3.0", PASS),
        ("5.0.0", PASS),
        ("1.0.2", FAIL),
        (None, WARN),
    ],
)
def test_versions(version: str | None, level: str) -> None:
    found = server_finding(ServerSeen("https://fhir.example", version, "", 5, 0.0))
    assert found.level == level
    if version is None:
        shows([found], "fhir-server", WARN)


def test_a_template_that_is_refused_or_not_whole(examine: Examine, fhir: Fhir) -> None:
    found = examine("fhir", fhir(server(fault="403")), patient="alpha")
    refused = [each for each in found if each.where == "laboratory"]
    assert "forbidden" in shows(refused, "prefetch-template", FAIL).says
    assert not [each for each in found if each.id == "fhir-in-time"]
    cut = examine("fhir", fhir(server(fault="next-elsewhere")), patient="alpha")
    partly = [each for each in cut if each.where == "laboratory"]
    assert shows(partly, "prefetch-template", WARN).says.startswith("2 resources, partial")


def test_a_patient_that_does_not_exist(examine: Examine, fhir: Fhir) -> None:
    found = examine("fhir", fhir(server()), patient="nobody")
    of_it = [each for each in found if each.where == "patient"]
    assert "not-found" in shows(of_it, "prefetch-template", FAIL).says


def test_a_required_template_that_is_empty_fails() -> None:
    read = TemplateRead("patient", 0, KeyState.EMPTY, (), 4, required=True)
    shows([template_finding(read)], "prefetch-template", FAIL)


@pytest.mark.parametrize(("seconds", "level"), [(1.19, PASS), (1.2, PASS), (1.21, WARN)])
def test_a_chart_that_takes_longer_than_a_hook_has(seconds: float, level: str) -> None:
    found = time_finding(seconds, 1.2)
    assert found.level == level
    if level == WARN:
        assert shows([found], "fhir-in-time", WARN).mend.startswith("fhir.gather_within_s = 1.8")


# --- the clock --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skew", "level"),
    [
        (0, PASS),
        (1.9, PASS),
        (30, PASS),
        (31, WARN),
        (-31, WARN),
        (60, WARN),
        (61, FAIL),
        (-61, FAIL),
    ],
)
def test_clocks_that_differ(skew: float, level: str) -> None:
    assert clock_finding("https://fhir.example", skew, 60.0).level == level


def test_less_than_two_seconds_are_none_even_without_a_tolerance() -> None:
    assert clock_finding("https://fhir.example", 1.9, 0.0).level is PASS
    assert clock_finding("https://fhir.example", 2.0, 0.0).level is FAIL


def test_the_servers_clock_is_read(
    examine: Examine, fhir: Fhir, answering: Callable[..., str]
) -> None:
    shows(examine("clock"), "clock", NOT_CHECKED)
    shows(examine("clock", fhir(server())), "clock", PASS)
    wrong = answering(b"{}", date="Mon, 01 Jan 2024 00:00:00 GMT")
    listed = f'[fhir]\nallowed_bases = ["{wrong}/fhir"]\n'
    shows(examine("clock", listed), "clock", FAIL)
    shows([clock_finding("https://fhir.example", 45, 60.0)], "clock", WARN)


@given(st.text(max_size=60) | st.datetimes().map(lambda moment: format_datetime(moment)))
def test_any_date_header_is_a_time_or_none(text: str) -> None:
    found = time_of(text)
    assert found is None or isinstance(found, float)


def test_a_date_header_is_read_to_the_second() -> None:
    assert time_of("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777.0  # RFC 9110, 5.6.7


@pytest.mark.fhir_server
def test_the_real_server(examine: Examine, fhir_server: Any) -> None:
    patient = {"resourceType": "Patient", "id": "doctor-1", "gender": "female"}
    fhir_server.load({"resourceType": "Bundle", "entry": [{"resource": patient}]})
    text = f'[fhir]\nallowed_bases = ["{fhir_server.base}"]\n'
    found = examine("fhir", text, patient="doctor-1", token=fhir_server.token)
    assert {each.level for each in found if each.where == "patient"} == {PASS}
    refused = examine("fhir", text, patient="doctor-1", token="another-token")
    assert FAIL in {each.level for each in refused if each.where == "patient"}
