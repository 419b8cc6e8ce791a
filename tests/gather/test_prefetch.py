"""Every state of a prefetch key, and any JSON at all."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.gather.key_reading import KeyReading, KeyShape
from cds_hooks.gather.prefetch_queries import PrefetchQuery
from cds_hooks.gather.prefetch_values import read_key, read_value
from cds_hooks.gather.result import NoteCode

PROBLEMS = PrefetchQuery("problems", "Condition?patient={{context.patientId}}")
ONE = {"resourceType": "Condition", "id": "c1"}
TWO = {"resourceType": "Condition", "id": "c2"}
OTHER = {"resourceType": "Observation", "id": "o1"}
WARNING = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "warning", "code": "not-found"}],
}
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
NEXT = [{"relation": "self", "url": "x"}, {"relation": "next", "url": "https://h/fhir?p=2"}]


def bundle(*resources: Any, mode: str = "", **more: Any) -> dict[str, Any]:
    """A searchset; with a search mode on every entry when one is given."""
    search = {"search": {"mode": mode}} if mode else {}
    entry = [{"resource": resource, **search} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry, **more}


STATES = [
    (None, KeyShape.NULL, 0),
    (ONE, KeyShape.RESOURCE, 1),
    (bundle(total=0), KeyShape.EMPTY_BUNDLE, 0),
    ({"resourceType": "Bundle", "total": 0}, KeyShape.EMPTY_BUNDLE, 0),
    (bundle(ONE, TWO, total=2), KeyShape.BUNDLE, 2),
    (bundle(ONE, link=NEXT), KeyShape.PAGED_BUNDLE, 1),
    (ERROR, KeyShape.OUTCOME, 0),
    (WARNING, KeyShape.OUTCOME, 0),
    (bundle(WARNING, mode="outcome", total=0), KeyShape.EMPTY_BUNDLE, 0),
    (bundle(WARNING, total=0), KeyShape.EMPTY_BUNDLE, 0),
    (bundle(ERROR, mode="outcome"), KeyShape.OUTCOME, 0),
    (OTHER, KeyShape.WRONG_TYPE, 1),
    (bundle(OTHER), KeyShape.WRONG_TYPE, 1),
    ("123", KeyShape.NOT_A_RESOURCE, 0),
    (17, KeyShape.NOT_A_RESOURCE, 0),
    ([ONE], KeyShape.NOT_A_RESOURCE, 0),
    ({}, KeyShape.NOT_A_RESOURCE, 0),
    ({"resourceType": ["Condition"]}, KeyShape.NOT_A_RESOURCE, 0),
]


@pytest.mark.parametrize(("value", "shape", "resources"), STATES)
def test_item_29_each_state_of_a_key_is_told_apart(
    value: Any, shape: KeyShape, resources: int
) -> None:
    reading = read_key({"problems": value}, PROBLEMS)
    assert reading.shape is shape
    assert len(reading.resources) == resources


def test_item_29_a_key_that_is_not_there_is_absent() -> None:
    assert read_key({"other": ONE}, PROBLEMS).shape is KeyShape.ABSENT


@pytest.mark.parametrize(
    ("value", "obtained", "complete"),
    [
        (None, True, True),
        (bundle(), True, True),
        (bundle(WARNING), True, True),
        (bundle(ONE, link=NEXT), True, False),
        (bundle(ONE, total=7), True, False),
        (bundle(total=7), True, False),
        (bundle(ONE, ERROR), True, False),
        (bundle(ONE, "rubbish"), True, False),
        (bundle(WARNING, ERROR), False, False),
        (bundle("rubbish"), False, False),
        ({"resourceType": "Bundle", "entry": {"resource": ONE}}, False, False),
        (ERROR, False, False),
        (WARNING, False, False),
        ("123", False, False),
    ],
)
def test_item_26_nothing_found_is_an_answer_and_an_error_is_none(
    value: Any, obtained: bool, complete: bool
) -> None:
    reading = read_key({"problems": value}, PROBLEMS)
    assert (reading.obtained, reading.complete) == (obtained, complete)


def test_includes_are_kept_and_are_no_matches() -> None:
    medication = {"resourceType": "Medication", "id": "m1"}
    value = bundle(ONE, total=1)
    value["entry"].append({"resource": medication, "search": {"mode": "include"}})
    reading = read_key({"problems": value}, PROBLEMS)
    assert reading.resources == (ONE, medication)
    assert reading.matches == 1
    assert reading.complete


def test_an_entry_that_is_an_outcome_by_its_mode_is_skipped_whatever_it_is() -> None:
    reading = read_value(bundle(ONE, mode="outcome"), "Condition")
    assert reading.resources == ()


def test_one_broken_entry_among_many_costs_only_itself() -> None:
    value = bundle(*({"resourceType": "Condition", "id": f"c{n}"} for n in range(999)))
    value["entry"].insert(500, {"resource": {"resourceType": 7}})
    reading = read_key({"problems": value}, PROBLEMS)
    assert len(reading.resources) == 999
    assert reading.notes == {NoteCode.ENTRY_UNREADABLE: 1}


@pytest.mark.parametrize(
    ("matches", "complete"), [(5, True), (6, True), (4, False)], ids=["all", "more", "fewer"]
)
def test_a_search_for_the_newest_is_complete_with_as_many_as_it_asked_for(
    matches: int, complete: bool
) -> None:
    newest = PrefetchQuery("newest", "Condition?patient=1&_sort=-recorded-date&_count=5")
    value = bundle(*(ONE for _ in range(matches)), link=NEXT, total=80)
    reading = read_key({"newest": value}, newest)
    assert reading.complete is complete
    assert (reading.next_url is None) is complete


def test_a_page_size_is_no_limit() -> None:
    template = PrefetchQuery("problems", "Condition?patient=1&_count=1")
    assert not read_key({"problems": bundle(ONE, link=NEXT)}, template).complete


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KINDS = st.sampled_from(["Condition", "Bundle", "OperationOutcome", "Patient", "", "Zork"])
RESOURCES = st.fixed_dictionaries(
    {}, optional={"resourceType": KINDS | JSON, "id": JSON, "subject": JSON, "issue": JSON}
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "resource": RESOURCES | JSON,
        "search": st.fixed_dictionaries({"mode": st.sampled_from(["match", "include", "outcome"])})
        | JSON,
        "fullUrl": st.sampled_from(["urn:uuid:1", "https://h/Condition/1"]) | JSON,
    },
)
LINKS = st.lists(st.fixed_dictionaries({"relation": st.just("next") | JSON, "url": JSON}) | JSON)
BUNDLES = st.fixed_dictionaries(
    {"resourceType": st.just("Bundle")},
    optional={
        "entry": st.lists(ENTRIES | JSON, max_size=8) | JSON,
        "link": LINKS | JSON,
        "total": JSON,
    },
)


def check(reading: KeyReading) -> None:
    """What holds for any reading."""
    assert all(isinstance(resource["resourceType"], str) for resource in reading.resources)
    assert not any(r["resourceType"] in ("", "OperationOutcome") for r in reading.resources)
    assert reading.obtained or not reading.complete
    assert reading.shape is not KeyShape.EMPTY_BUNDLE or not reading.resources
    assert all(count > 0 for count in reading.notes.values())
    if not reading.complete:
        assert reading.notes


@given(JSON | RESOURCES, st.sampled_from(["", "Condition"]))
def test_property_any_json_under_a_key_is_read(value: Any, expected: str) -> None:
    check(read_value(value, expected))


@given(BUNDLES, st.sampled_from(["", "Condition"]), st.sampled_from([None, 2]))
def test_property_any_bundle_is_read(value: Any, expected: str, head: int | None) -> None:
    before = copy.deepcopy(value)
    reading = read_value(value, expected, head)
    check(reading)
    assert value == before


@given(BUNDLES)
def test_property_every_entry_is_kept_or_noted(value: Any) -> None:
    entries = value.get("entry")
    reading = read_value(value)
    skipped = sum(
        isinstance(e, dict)
        and isinstance(e.get("search"), dict)
        and e["search"].get("mode") == "outcome"
        for e in (entries if isinstance(entries, list) else [])
    )
    kept = len(reading.resources) + sum(
        reading.notes.get(code, 0)
        for code in (
            NoteCode.ENTRY_UNREADABLE,
            NoteCode.ERROR_OUTCOME,
            NoteCode.WARNING_OUTCOME,
        )
    )
    if isinstance(entries, list):
        assert len(entries) - skipped <= kept <= len(entries)


@given(BUNDLES, BUNDLES)
def test_property_pages_join(first: Any, second: Any) -> None:
    one, two = read_value(first), read_value(second)
    if one.obtained and two.obtained:
        both = one.joined(two)
        assert both.resources == one.resources + two.resources
        assert both.next_url == two.next_url
        assert both.fetched
