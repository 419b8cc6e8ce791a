"""A list of patients, and a day's appointments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.gather import GatherConfig, open_http
from cds_hooks.gather.fhir_client import FhirClient
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm import ListUnreadable, ScheduleUnavailable, patients_on, read_patients
from cds_hooks.prewarm.patients import _listed

BASE = "https://ehr.example.org/fhir"
DAY = date(2026, 11, 24)


def test_each_patient_once_and_bad_lines_by_number(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(
        "\ufeff# tomorrow\n\np-1\nPatient/p-2\n Jane Doe \np-1\n../x\n" + "a" * 200 + "\nOrg/p-3\n"
    )
    found = read_patients(path)
    assert [(item.label, item.patient_id) for item in found.items] == [
        ("line 3", "p-1"),
        ("line 4", "p-2"),
    ]
    assert found.bad_lines == (5, 7, 8, 9)
    assert "p-1" not in repr(found)


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ListUnreadable):
        read_patients(tmp_path / "none")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ListUnreadable):
        read_patients(binary)


@given(st.lists(st.text()))
def test_every_line_is_a_patient_a_bad_line_or_nothing(lines: list[str]) -> None:
    found = _listed(lines)
    for item in found.items:
        assert lines[int(item.label.removeprefix("line ")) - 1].strip().endswith(item.patient_id)
        assert "/" not in item.patient_id
    assert set(found.bad_lines) <= set(range(1, len(lines) + 1))


def appointment(*patients: str, start: str = "2026-11-24T09:00:00Z", **more: Any) -> Any:
    participant = [{"actor": {"reference": name}, "status": "accepted"} for name in patients]
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "start": start,
        "participant": participant,
        **more,
    }


def page(*resources: Any, next_url: str = "") -> Any:
    link = [{"relation": "next", "url": next_url}] if next_url else []
    entry = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry}


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
async def fhir() -> AsyncIterator[FhirClient]:
    base = ServerBase.parse(BASE)
    assert base is not None
    async with open_http(GatherConfig()) as pool:
        ends = asyncio.get_running_loop().time() + 20
        yield FhirClient(pool, base, "t0ken", GatherConfig(max_pages=3), ends)


async def test_the_days_patients_once_each_the_earliest_first(
    net: respx.MockRouter, fhir: FhirClient
) -> None:
    late, early = "2026-11-24T15:00:00Z", "2026-11-24T08:00:00Z"
    net.get("/Appointment", params={"page": "2"}).respond(
        json=page(appointment("Patient/b", start=early), appointment("Patient/a", start=late))
    )
    first = net.get("/Appointment").respond(
        json=page(
            appointment("Patient/a", "Practitioner/d", start=late),
            appointment(f"{BASE}/Patient/c", start="2026-11-24T10:00:00+01:00"),
            next_url=f"{BASE}/Appointment?page=2",
        )
    )
    found = await patients_on(fhir, DAY)
    assert [item.patient_id for item in found.items] == ["b", "c", "a"]
    assert [item.label for item in found.items] == ["patient 1", "patient 2", "patient 3"]
    assert (found.cut, found.passed_over) == ("", {})
    query = first.calls[0].request.url.params
    assert query.get_list("date") == ["ge2026-11-24", "lt2026-11-25"]
    assert query["status"] == "pending,booked,arrived,checked-in"


async def test_a_server_that_ignores_the_query_gives_nobody_of_another_day(
    net: respx.MockRouter, fhir: FhirClient
) -> None:
    declined = appointment("Patient/y")
    declined["participant"][0]["status"] = "declined"
    net.get("/Appointment").respond(
        json=page(
            appointment("Patient/x", start="2026-12-24T09:00:00Z"),
            appointment("Patient/x", start="whenever"),
            appointment("Patient/x", status="cancelled"),
            appointment("Patient/x", status=None),
            appointment("https://other.example.net/fhir/Patient/x"),
            appointment("Patient/../x", "Practitioner/p", "Patient/a|b"),
            appointment(participant="nobody"),
            declined,
            {"resourceType": "Patient", "id": "included"},
            appointment("Patient/z", "Patient/w"),
        )
    )
    found = await patients_on(fhir, DAY)
    assert sorted(item.patient_id for item in found.items) == ["w", "z"]
    assert found.passed_over == {"other-day": 2, "other-status": 2, "no-patient": 4}


@pytest.mark.parametrize(
    ("second", "cut"),
    [
        ({"status_code": 500}, "server-error"),
        ({"json": {"resourceType": "OperationOutcome"}}, "error-outcome"),
        ({"json": page(next_url=f"{BASE}/Appointment?page=2")}, "link-repeats"),
        ({"json": page(next_url="https://evil.example.net/fhir?page=3")}, "link-refused"),
    ],
)
async def test_a_list_that_is_cut_says_so(
    net: respx.MockRouter, fhir: FhirClient, second: Any, cut: str
) -> None:
    net.get("/Appointment", params={"page": "2"}).respond(**second)
    net.get("/Appointment").respond(
        json=page(appointment("Patient/a"), next_url=f"{BASE}/Appointment?page=2")
    )
    found = await patients_on(fhir, DAY)
    assert [item.patient_id for item in found.items] == ["a"]
    assert found.cut == cut


async def test_pages_are_bounded(net: respx.MockRouter, fhir: FhirClient) -> None:
    for number in (3, 2):
        following = page(next_url=f"{BASE}/Appointment?page={number + 1}")
        net.get("/Appointment", params={"page": str(number)}).respond(json=following)
    net.get("/Appointment").respond(json=page(next_url=f"{BASE}/Appointment?page=2"))
    assert (await patients_on(fhir, DAY)).cut == "page-limit"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"status_code": 403}, "forbidden"),
        ({"html": "<html>"}, "html"),
        ({"json": {"resourceType": "OperationOutcome"}}, "error-outcome"),
    ],
)
async def test_no_list_at_all_is_an_error(
    net: respx.MockRouter, fhir: FhirClient, answer: Any, code: str
) -> None:
    net.get("/Appointment").respond(**answer)
    with pytest.raises(ScheduleUnavailable, match=code):
        await patients_on(fhir, DAY)
