"""Pages, resources, bytes and references of one hook call: on and beyond each bound."""

from __future__ import annotations

import json
from typing import Any

import pytest
import respx

from cds_hooks.gather import NoteCode

FAULTY = "https://ehr.example.org/fhir"


def pages(server: respx.MockRouter, make: Any, count: int, each: int = 1) -> respx.Route:
    """A search of so many pages, each with its own conditions."""
    for n in range(count):
        following = f"{FAULTY}/page{n + 1}" if n + 1 < count else None
        names = [f"c{n}-{i}" for i in range(each)]
        page = make.page(*names, next_url=following)
        route = server.get("/Condition" if n == 0 else f"/page{n}").respond(json=page)
    return route


def told(gathered: Any) -> list[str]:
    return sorted(code.value for code in gathered.notes_of("problems"))


@pytest.mark.parametrize(("count", "codes"), [(2, []), (3, []), (4, ["more-pages", "page-limit"])])
async def test_the_most_pages(
    server: respx.MockRouter, problems: Any, make: Any, count: int, codes: list[str]
) -> None:
    last = pages(server, make, count)
    gathered = await problems(max_pages=3)
    assert told(gathered) == codes
    assert last.called is not bool(codes)


@pytest.mark.parametrize(
    ("each", "codes"),
    [(4, []), (5, ["more-pages", "resource-limit"]), (6, ["more-pages", "resource-limit"])],
)
async def test_the_most_resources(
    server: respx.MockRouter, problems: Any, make: Any, each: int, codes: list[str]
) -> None:
    """Once there are as many, no further page is read."""
    last = pages(server, make, 2, each)
    assert told(await problems(max_resources=5)) == codes
    assert last.called is not bool(codes)


@pytest.mark.parametrize("more", [-1, 0, 1])
async def test_the_most_bytes_of_an_answer(
    server: respx.MockRouter, problems: Any, make: Any, more: int
) -> None:
    content = json.dumps(make.page("c1")).encode()
    server.get("/Condition").respond(
        content=content, headers={"Content-Type": "application/fhir+json"}
    )
    gathered = await problems(max_bytes=len(content) + more)
    assert told(gathered) == (["too-large"] if more < 0 else [])


@pytest.mark.parametrize(("count", "read", "left"), [(2, 2, 0), (3, 3, 0), (4, 3, 1)])
async def test_the_most_references(
    server: respx.MockRouter, problems: Any, make: Any, count: int, read: int, left: int
) -> None:
    orders = [make.order(f"o{n}", f"Medication/m{n}") for n in range(count)]
    route = server.get(path__regex="/Medication/.*").respond(404)
    gathered = await problems(
        templates={"medications": "MedicationRequest?patient={{context.patientId}}"},
        prefetch={"medications": make.bundle(*orders)},
        max_references=3,
    )
    assert route.call_count == read
    assert (NoteCode.REFERENCE_LIMIT in gathered.notes_of("Medication")) is bool(left)
