"""Reading a patient's later record, from servers that do each thing wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.prewarm import RateLimitedTransport
from cds_hooks.trial.outcomes.reading import PatientNotRead, ServerNotRead
from tests.prewarm.conftest import Clock
from tests.trial.outcome_cases import condition, encounter
from tests.trial.outcome_server import BASE, FaultyServer, bundle, patient


def whole(**more: Any) -> dict[str, Any]:
    empty = {"Patient/pat": patient(), "Condition?": bundle(), "Encounter?": bundle()}
    return empty | {name.replace("_", "/"): value for name, value in more.items()}


def ids(record: Any) -> list[str]:
    return [each["id"] for each in record.resources]


async def test_all_pages_are_read_and_only_what_the_search_is_for() -> None:
    second = f"{BASE}/Condition?page=2"
    server = FaultyServer(whole())
    server.holds |= {
        "Condition?patient=pat": bundle(condition("c1"), next_link=second),
        "Condition?page=2": bundle(condition("c2"), {"resourceType": "OperationOutcome"}),
        "Encounter?": bundle(encounter("e1")),
    }
    record = await server.read()
    assert (record.state, ids(record)) == ("read", ["c1", "c2", "e1"])
    assert server.asked == [
        "Patient/pat",
        "Condition?patient=pat&_count=100",
        "Condition?page=2",
        "Encounter?patient=pat&_count=100&date=ge2026-06-02",
    ]


@pytest.mark.parametrize(
    ("status", "state"),
    [(404, "patient-not-found"), (410, "patient-gone"), (403, "patient-forbidden")],
)
async def test_a_patient_who_is_gone_is_told_as_such(status: int, state: str) -> None:
    record = await FaultyServer({"Patient/pat": status}).read()
    assert (record.state, record.resources, record.ids) == (state, (), frozenset())


async def test_a_patient_who_was_merged_is_read_under_both_ids() -> None:
    old = patient(link=[{"type": "replaced-by", "other": {"reference": "Patient/new"}},
                        {"type": "seealso", "other": {"reference": "Patient/third"}}])  # fmt: skip
    moved = condition("c1", subject={"reference": "Patient/new"})
    server = FaultyServer({"Patient/pat": old, "Patient/new": patient("new")})
    server.holds |= {"Condition?patient=new": bundle(moved), "Encounter?patient=new": bundle()}
    record = await server.read()  # searches by the old id are 404
    assert (record.state, record.ids, ids(record)) == ("read", {"pat", "new"}, ["c1"])
    assert record.merged


async def test_patients_who_replace_each_other_end() -> None:
    def linked(id_: str, to: str) -> dict[str, Any]:
        link = [{"type": "replaced-by", "other": {"reference": f"Patient/{to}"}}]
        return patient(id_, link=link)

    server = FaultyServer(whole(Patient_pat=linked("pat", "b"), Patient_b=linked("b", "pat")))
    assert (await server.read()).ids == {"pat", "b"}
    chain = {f"Patient/{n}": linked(str(n), str(n + 1)) for n in range(9)}
    assert (await FaultyServer(chain).read("0")).state == "patient-merged-too-often"


@pytest.mark.parametrize(
    ("what", "missing"),
    [
        ({"Encounter?": 403}, "Encounter:forbidden"),
        ({"Condition?": 404}, "Condition:not-found"),
        ({"Condition?": bundle(next_link="https://elsewhere.example.org/p")},
         "Condition:link-refused"),
        ({"Condition?": bundle(next_link=f"{BASE}/Condition?patient=pat&_count=100")},
         "Condition:link-repeats"),
        ({"Condition?": {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}},
         "Condition:error-outcome"),
    ],
)  # fmt: skip
async def test_a_record_that_is_not_whole_says_what_is_missing(
    what: dict[str, Any], missing: str
) -> None:
    record = await FaultyServer(whole() | what).read()
    assert (record.state, record.missing) == ("partial", (missing,))


async def test_pages_without_end_are_bounded() -> None:
    def more(request: httpx.Request) -> dict[str, Any]:
        number = int(request.url.params.get("page", "0")) + 1
        return bundle(condition(f"c{number}"), next_link=f"{BASE}/Condition?page={number}")

    record = await FaultyServer(whole() | {"Condition?": more}).read(max_pages=3)
    assert (record.missing, ids(record)) == (("Condition:page-limit",), ["c1", "c2", "c3"])


async def test_conditions_that_only_an_encounter_names_are_read_and_may_be_gone() -> None:
    discharge = [
        {"condition": {"reference": f"Condition/{id_}"}, "use": {"coding": [{"code": "DD"}]}}
        for id_ in ("c1", "gone")
    ]
    server = FaultyServer(whole() | {"Encounter?": bundle(encounter("e1", *discharge))})
    server.holds |= {"Condition/c1": condition("c1"), "Condition/gone": 410}
    record = await server.read()
    assert (record.state, ids(record)) == ("read", ["e1", "c1"])


async def test_a_discharge_diagnosis_that_is_closed_to_us_makes_a_record_partial() -> None:
    discharge = [
        {"condition": {"reference": f"Condition/{id_}"}, "use": {"coding": [{"code": "DD"}]}}
        for id_ in ("c1", "c2")
    ]
    held = whole() | {"Encounter?": bundle(encounter("e1", *discharge)), "Condition/c1": 403}
    record = await FaultyServer(held).read()
    assert (record.state, record.missing) == ("partial", ("Condition:forbidden",))
    many = await FaultyServer(held | {"Condition/c1": condition("c1")}).read(max_references=1)
    assert (many.state, many.missing) == ("partial", ("Condition:reference-limit",))


class Tokens:
    """Tokens one after the other."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    async def token(self) -> str:
        return f"t{len(self.forgotten)}"

    def forget(self, token: str) -> None:
        self.forgotten.append(token)


async def test_a_token_that_ran_out_is_renewed_once() -> None:
    def guarded(request: httpx.Request) -> Any:
        good = request.headers.get("authorization") == "Bearer t1"
        return patient() if good else 401

    tokens = Tokens()
    assert (await FaultyServer(whole(Patient_pat=guarded)).read(tokens=tokens)).state == "read"
    assert tokens.forgotten == ["t0"]
    with pytest.raises(ServerNotRead, match="unauthorized") as refused:
        await FaultyServer(whole(Patient_pat=401)).read(tokens=Tokens())
    assert "trial_outcomes.client_id" in refused.value.hint


async def test_a_busy_server_is_waited_for_and_past_that_ends_the_run(clock: Clock) -> None:
    calls: list[str] = []

    def busy_once(_: httpx.Request) -> Any:
        calls.append("")
        return patient() if len(calls) > 1 else 429

    def limited(inner: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return RateLimitedTransport(
            inner, per_minute=600, longest_pause_s=30, clock=clock, sleep=clock.sleep
        )

    server = FaultyServer(whole(Patient_pat=busy_once))
    assert (await server.read(transport=limited)).state == "read"
    assert max(clock.slept) > 1.5
    with pytest.raises(ServerNotRead, match="rate-limited"):
        await FaultyServer(whole(Patient_pat=429)).read(transport=limited)


@pytest.mark.parametrize("answer", [500, 503, {"resourceType": "Bundle"}, 400])
async def test_what_one_patient_meets_is_left_for_another_run(answer: Any) -> None:
    with pytest.raises(PatientNotRead) as failed:
        await FaultyServer({"Patient/pat": answer}).read()
    assert "pat" not in failed.value.diagnostics().replace("patient", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    | st.sampled_from(["Bundle", "Patient", "replaced-by", "Patient/b", "next", "..", f"{BASE}/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["resourceType", "id", "link", "type", "other", "reference", "entry",
                         "resource", "relation", "url", "diagnosis", "condition"]),
        inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(found=st.dictionaries(st.sampled_from(["Patient/", "Condition", "Encounter?"]), JSON))
def test_any_answer_of_a_server_is_a_record_or_an_error_with_a_code(found: dict[str, Any]) -> None:
    bodies = {
        key: value if isinstance(value, dict) else {"a": value} for key, value in found.items()
    }
    server = FaultyServer(whole() | bodies)
    try:
        record = asyncio.run(server.read(max_pages=3))
    except (PatientNotRead, ServerNotRead):
        return
    assert record.state
    assert all(each.get("resourceType") for each in record.resources)


@pytest.fixture
def clock() -> Clock:
    return Clock()
