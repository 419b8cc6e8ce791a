"""Which `next` links are followed: under the base, to pages of the patient, and no others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import respx

from cds_hooks.consultation import KeyState
from cds_hooks.gather import GatherResult, NoteCode

BASE = "https://ehr.example.org/fhir"
Ask = Callable[..., Awaitable[GatherResult]]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.net/fhir/Condition?page=2",
        "https://ehr.example.org.evil.example.net/fhir/Condition?page=2",
        "https://ehr.example.org@evil.example.net/fhir/Condition",
        "https://user:pass@ehr.example.org/fhir/Condition?page=2",
        "//evil.example.net/fhir/Condition",
        "http://ehr.example.org/fhir/Condition?page=2",
        "https://ehr.example.org:8443/fhir/Condition?page=2",
        "https://ehr.example.org/fhir2/Condition?page=2",
        "https://ehr.example.org/admin",
        "https://ehr.example.org/fhir/../admin",
        "https://ehr.example.org/fhir/%2e%2e/admin",
        "https://ehr.example.org/fhir/%252e%252e/admin",
        "https://ehr.example.org/fhir/..;/admin",
        "../admin",
        "/admin",
        "https://ehr.example.org\\@evil.example.net/fhir/",
        "file:///etc/passwd",
        "https://ehr.example.org/fhir/Condition?a=\r\nX-Evil: 1",
        "",
    ],
)
async def test_item_35_next_links_are_followed_under_the_base_only(
    server: respx.MockRouter, problems: Ask, make: Any, link: str
) -> None:
    server.get("/Condition").respond(json=make.page("c1", next_url=link))
    gathered = await problems()
    assert gathered.states["problems"] is KeyState.PARTIAL
    assert set(gathered.notes_of("problems")) == {NoteCode.MORE_PAGES, NoteCode.LINK_REFUSED}
    assert [r["id"] for r in gathered.resources] == ["c1"]
    assert len(server.calls) == 2  # the first page and the version


@pytest.mark.parametrize(
    "link",
    [
        "https://ehr.example.org/fhir?page=2",
        "https://EHR.example.org:443/fhir/Condition?page=2",
        "Condition?page=2",
        "?page=2",
        "/fhir/Condition?page=2",
    ],
)
async def test_item_35_absolute_and_relative_next_links_are_followed(
    server: respx.MockRouter, problems: Ask, make: Any, link: str
) -> None:
    server.get(path__regex=".*", params={"page": "2"}).respond(json=make.page("c2"))
    server.get("/Condition").respond(json=make.page("c1", next_url=link))
    gathered = await problems()
    assert [r["id"] for r in gathered.resources] == ["c1", "c2"]
    assert gathered.states["problems"] is KeyState.FETCHED


async def test_pages_of_other_patients_are_not_read(
    server: respx.MockRouter, problems: Ask, make: Any
) -> None:
    page = make.page("b1", patient="beta", next_url=f"{BASE}/Condition?page=2")
    server.get("/Condition").respond(json=page)
    gathered = await problems()
    assert gathered.resources == ()
    assert gathered.states["problems"] is KeyState.UNAVAILABLE
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    "link",
    [
        f"{BASE}/Condition?patient=beta&page=2",
        f"{BASE}/Condition?patient=alpha,beta&page=2",
        f"{BASE}/Condition?subject=Patient/beta&page=2",
        f"{BASE}/Condition?patient=alpha&subject=Patient%2Fbeta",
        f"{BASE}/Patient/beta/Condition?page=2",
        "Condition?patient=beta",
        "Patient/beta/Condition",
    ],
)
async def test_a_next_link_to_another_patient_is_not_read(
    server: respx.MockRouter, problems: Ask, make: Any, link: str
) -> None:
    server.get("/Condition").respond(json=make.page("c1", next_url=link))
    gathered = await problems()
    assert [r["id"] for r in gathered.resources] == ["c1"]
    assert gathered.states["problems"] is KeyState.PARTIAL
    assert NoteCode.OTHER_PATIENT in gathered.notes_of("problems")
    assert len(server.calls) == 2  # the first page and the version


@pytest.mark.parametrize(
    "link",
    [
        f"{BASE}/Condition?patient=alpha&page=2",
        f"{BASE}/Condition?subject=Patient/alpha&page=2",
        f"{BASE}/Condition?patient={BASE}/Patient/alpha&page=2",
        f"{BASE}/Patient/alpha/Condition?page=2",
        f"{BASE}/Condition?patient=&page=2",
    ],
)
async def test_a_next_link_that_names_the_patient_is_followed(
    server: respx.MockRouter, problems: Ask, make: Any, link: str
) -> None:
    server.get(path__regex=".*", params={"page": "2"}).respond(json=make.page("c2"))
    server.get("/Condition").respond(json=make.page("c1", next_url=link))
    assert [r["id"] for r in (await problems()).resources] == ["c1", "c2"]
