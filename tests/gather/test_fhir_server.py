"""Gathering from a real FHIR server (sekmet-fhir)."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from cds_hooks.consultation import KeyState
from cds_hooks.gather import (
    GatherConfig,
    GatherResult,
    NoteCode,
    PatientUnavailable,
    VersionCache,
    gather,
)
from tests.sample.places import DATA
from tests.sample.transactions import large

# The first use makes the server's virtual environment.
pytestmark = [pytest.mark.fhir_server]

Ask = Callable[..., Awaitable[GatherResult]]


@pytest.fixture
def ask(hospital: Any, pool: httpx.AsyncClient) -> Ask:
    """Gather from the real server; `token=""` is its own, other words are bounds of the site."""

    async def gather_there(
        templates: dict[str, str],
        patient_id: str,
        *,
        prefetch: dict[str, Any] | None = None,
        token: str | None = "",
        versions: VersionCache | None = None,
        **bounds: Any,
    ) -> GatherResult:
        return await gather(
            prefetch or {},
            templates,
            {"patientId": patient_id},
            fhir_server=hospital.base,
            access_token=hospital.token if token == "" else token,
            pool=pool,
            versions=versions,
            config=GatherConfig(allowed_bases=(hospital.base,), read_s=60, **bounds),
            deadline_s=150,
        )

    return gather_there


def ids(gathered: GatherResult, kind: str) -> list[str]:
    """Ids of the resources of a type, in order."""
    return [r["id"] for r in gathered.resources if r["resourceType"] == kind]


async def test_item_27_reads_every_key_that_the_client_did_not_send(
    ask: Ask, templates: dict[str, str]
) -> None:
    gathered = await ask(templates, "alpha")
    assert gathered.states["patient"] is KeyState.FETCHED
    assert ids(gathered, "Patient") == ["alpha"]
    assert ids(gathered, "Condition") == ["alpha-1"]
    assert gathered.fhir_version == "4.0.1"


async def test_follows_pages_to_the_end_and_keeps_each_resource_once(
    ask: Ask, templates: dict[str, str]
) -> None:
    gathered = await ask({"patient": templates["patient"], "labs": templates["labs"]}, "alpha")
    assert gathered.states["labs"] is KeyState.FETCHED
    assert sorted(ids(gathered, "Observation")) == sorted(f"alpha-lab-{n}" for n in range(45))
    assert gathered.notes == ()


async def test_a_sorted_and_counted_search_is_read_no_further_than_its_count(
    ask: Ask, templates: dict[str, str]
) -> None:
    gathered = await ask({"patient": templates["patient"], "newest": templates["newest"]}, "alpha")
    assert gathered.states["newest"] is KeyState.FETCHED
    days = [r["effectiveDateTime"] for r in gathered.resources if "effectiveDateTime" in r]
    assert len(days) == 12
    assert days == sorted(days, reverse=True)


async def test_pages_stop_at_the_limit_and_the_key_is_partial(
    ask: Ask, templates: dict[str, str]
) -> None:
    gathered = await ask({"labs": templates["labs"]}, "alpha", max_pages=2)
    assert gathered.states["labs"] is KeyState.PARTIAL
    assert len(ids(gathered, "Observation")) == 20
    assert set(gathered.notes_of("labs")) == {NoteCode.MORE_PAGES, NoteCode.PAGE_LIMIT}


async def test_a_prefetched_first_page_is_completed(
    hospital: Any, ask: Ask, templates: dict[str, str]
) -> None:
    first = hospital.request("GET", "Observation?patient=alpha&category=laboratory&_count=10")
    gathered = await ask({"labs": templates["labs"]}, "alpha", prefetch={"labs": first})
    assert gathered.states["labs"] is KeyState.FETCHED
    assert len(ids(gathered, "Observation")) == 45


@pytest.mark.parametrize(
    ("patient_id", "state", "kept"),
    [("alpha", KeyState.UNAVAILABLE, []), ("gamma", KeyState.FETCHED, ["gamma-father"])],
)
async def test_somebody_elses_family_history_is_never_taken(
    hospital: Any,
    ask: Ask,
    templates: dict[str, str],
    patient_id: str,
    state: KeyState,
    kept: list[str],
) -> None:
    # The server has no such search parameter, ignores it, and answers with everybody's records.
    raw = hospital.request("GET", f"FamilyMemberHistory?patient={patient_id}")
    fathers = [e for e in raw["entry"] if e.get("resource", {}).get("id") == "beta-father"]
    assert fathers, "the server has learnt the parameter: this test needs another trap"
    gathered = await ask(
        {"patient": templates["patient"], "family": templates["family"]}, patient_id
    )
    assert gathered.states["family"] is state
    assert ids(gathered, "FamilyMemberHistory") == kept
    assert NoteCode.OTHER_PATIENT in gathered.notes_of("family")
    assert NoteCode.WARNING_OUTCOME in gathered.notes_of("family")


async def test_medications_that_orders_refer_to_are_read(
    ask: Ask, templates: dict[str, str]
) -> None:
    gathered = await ask({"medications": templates["medications"]}, "alpha")
    assert ids(gathered, "Medication") == ["heparin"]


@pytest.mark.parametrize("token", [None, "not-the-token"])
async def test_item_28_without_the_token_the_patient_is_unavailable(
    ask: Ask,
    templates: dict[str, str],
    token: str | None,
) -> None:
    with pytest.raises(PatientUnavailable) as caught:
        await ask(templates, "alpha", token=token)
    assert caught.value.status == 412
    assert caught.value.reason is NoteCode.UNAUTHORIZED
    assert caught.value.issue == "login"


async def test_without_the_token_other_keys_are_unavailable_and_prefetch_stands(
    ask: Ask,
    templates: dict[str, str],
    make: Any,
) -> None:
    gathered = await ask(
        {key: templates[key] for key in ("patient", "problems")},
        "alpha",
        prefetch={"patient": make.patient()},
        token=None,
    )
    assert gathered.states == {
        "patient": KeyState.PREFETCHED,
        "problems": KeyState.UNAVAILABLE,
    }
    assert gathered.notes_of("problems") == (NoteCode.UNAUTHORIZED,)


async def test_a_patient_the_server_does_not_know_is_unavailable(
    ask: Ask, templates: dict[str, str]
) -> None:
    with pytest.raises(PatientUnavailable) as caught:
        await ask({"patient": templates["patient"]}, "nobody")
    assert caught.value.reason is NoteCode.NOT_FOUND


async def test_the_version_is_asked_once_per_server(
    ask: Ask, pool: httpx.AsyncClient, templates: dict[str, str]
) -> None:
    versions, seen = VersionCache(), list[str]()

    async def record(request: httpx.Request) -> None:
        seen.append(request.url.path)

    pool.event_hooks["request"].append(record)
    for _ in range(2):
        gathered = await ask({"patient": templates["patient"]}, "alpha", versions=versions)
        assert gathered.fhir_version == "4.0.1"
    assert Counter(seen) == {"/fhir/metadata": 1, "/fhir/Patient/alpha": 2}


def read(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    found: dict[str, Any] = orjson.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return found


CHARTS = [
    path
    for data in DATA
    for name in (
        "transactions-r4/life-1.json",
        "stays-r4/sepsis.json",
        "synthea-r4/Louis_Maggio_2e275d4b-855a-4eb2-9021-5410aa8acd4f.json",
        "synthea-r4/Fletcher_Hyatt_3.9MB.json.gz",
        "clinosim/acute_mi.json",
        "clinosim/gi_bleeding.json",
    )
    if (path := data.folder / "patients" / name).is_file()
]


@pytest.mark.parametrize("path", CHARTS, ids=lambda p: p.stem)
async def test_a_whole_chart_comes_back_as_it_was_loaded(
    hospital: Any, ask: Ask, path: Path
) -> None:
    await comes_back(hospital, ask, read(path))


async def test_a_chart_of_four_megabytes_comes_back_as_it_was_loaded(
    hospital: Any, ask: Ask
) -> None:
    bundle = large()
    assert len(orjson.dumps(bundle)) > 3_500_000
    await comes_back(hospital, ask, bundle)


async def comes_back(hospital: Any, ask: Ask, bundle: dict[str, Any]) -> None:
    hospital.load(bundle)
    resources = [entry["resource"] for entry in bundle["entry"]]
    [patient_id] = [r["id"] for r in resources if r["resourceType"] == "Patient"]
    kinds = ["Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Procedure"]
    templates = {kind: kind + "?patient={{context.patientId}}&_count=100" for kind in kinds}
    templates["patient"] = "Patient/{{context.patientId}}"
    gathered = await ask(templates, patient_id)
    for kind in kinds:
        loaded = sorted(r["id"] for r in resources if r["resourceType"] == kind)
        assert sorted(ids(gathered, kind)) == loaded
        assert gathered.states[kind] is (KeyState.FETCHED if loaded else KeyState.EMPTY)
    assert gathered.notes == ()
