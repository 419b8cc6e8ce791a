"""What counts as an outcome: a table of cases written by hand, and any JSON at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.plausibility import Terminology
from cds_hooks.trial.outcomes.decide import Decision, OutcomeDecider
from cds_hooks.trial.outcomes.rules import OutcomeRules, load_rules
from cds_hooks.trial.outcomes.sightings import sightings
from tests.trial.outcome_cases import HOOK, ICD, SNOMED, at, condition, consulted, encounter

ROOT = Path(__file__).resolve().parents[2]
RULES = load_rules()
DISCHARGE, PROBLEM = "encounter-discharge-diagnosis", "condition-problem-list"


@pytest.fixture(scope="module")
def terminology() -> Iterator[Terminology]:
    with Terminology(ROOT / "build" / "terminology.sqlite") as opened:
        yield opened


def decided(
    terminology: Terminology,
    found: list[dict[str, Any]],
    before: list[dict[str, Any]] | None = None,
    *,
    whole: bool = True,
    rules: OutcomeRules = RULES,
) -> Decision:
    decider = OutcomeDecider(rules, terminology, digest=lambda id_: f"h1:{id_}")
    return decider.decide(consulted(*(before or []), whole=whole), found, {"pat"})


def use(code: str, reference: str = "Condition/c1") -> dict[str, Any]:
    return {"condition": {"reference": reference}, "use": {"coding": [{"code": code}]}}


VER = "verificationStatus"


def status(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


# What the later record has, what the chart had at the hook; the code and source of the one outcome,
# or the code of why there is none. The hook is at 2026-11-29T12:00Z.
CASES: dict[str, tuple[list[Any], list[Any], str]] = {
    "recorded a second after": ([condition("c1", recordedDate=at(seconds=1))], [], PROBLEM),
    "recorded at that second": ([condition("c1", recordedDate=at())], [], "charted-before"),
    "recorded a second before": ([condition("c1", recordedDate=at(seconds=-1))], [],
                                 "charted-before"),
    "recorded on the last day": ([condition("c1", recordedDate=at(days=30))], [], PROBLEM),
    "recorded after the last day": ([condition("c1", recordedDate=at(days=30, seconds=1))], [],
                                    "after-window"),
    "only a date, the day after": ([condition("c1", recordedDate="2026-11-30")], [], PROBLEM),
    "only a date, the day before": ([condition("c1", recordedDate="2026-11-28")], [],
                                    "charted-before"),
    "only a date, that day": ([condition("c1", recordedDate="2026-11-29")], [], PROBLEM),
    "only a month, that month": ([condition("c1", recordedDate="2026-11")], [], PROBLEM),
    "STU3 assertedDate": ([condition("c1", recordedDate=None, assertedDate=at(days=2))], [],
                          PROBLEM),
    "asserted before, recorded after": (
        [condition("c1", extension=[{
            "url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate",
            "valueDateTime": at(days=-2)}])], [], "charted-before"),
    "no date but lastUpdated": ([condition("c1", recordedDate=None,
                                           meta={"lastUpdated": at(days=1)})], [], "undated"),
    "no recorded date, onset after": ([condition("c1", recordedDate=None,
                                                 onsetDateTime=at(days=1))], [], PROBLEM),
    "no recorded date, onset before": ([condition("c1", recordedDate=None,
                                                  onsetDateTime=at(days=-1))], [],
                                       "recorded-date-missing"),
    "onset just before, recorded after": ([condition("c1", onsetDateTime=at(days=-29))], [],
                                          PROBLEM),
    "onset long before, recorded after": ([condition("c1", onsetDateTime=at(days=-30))], [],
                                          "onset-long-before"),
    "over before the hook": ([condition("c1", abatementDateTime=at(days=-1))], [], "over-before"),
    "refuted": ([condition("c1", **{VER: status("refuted")})], [], "refuted"),
    "entered in error": ([condition("c1", **{VER: status("entered-in-error")})], [],
                         "entered-in-error"),
    "provisional": ([condition("c1", **{VER: status("provisional")})], [], "not-confirmed"),
    "confirmed": ([condition("c1", **{VER: status("confirmed")})], [], PROBLEM),
    "STU3 verification as a code": ([condition("c1", **{VER: "refuted"})], [], "refuted"),
    "resolved meanwhile": ([condition("c1", clinicalStatus=status("resolved"))], [], PROBLEM),
    "an encounter's diagnosis": ([condition("c1", category=[status("encounter-diagnosis")])], [],
                                 "condition-encounter-diagnosis"),
    "STU3 without category": ([condition("c1", category=None)], [], "condition-without-category"),
    "health concern": ([condition("c1", category=[status("health-concern")])], [],
                       "source-not-counted"),
    "another category": ([condition("c1", category=[status("sdoh")])], [], "no-rule"),
    "of the family": ([condition("c1", "Z80.0")], [], "of-family"),
    "a symptom": ([condition("c1", "R07.9")], [], "no-diagnosis"),
    "shock is a diagnosis": ([condition("c1", "R57.0")], [], PROBLEM),
    "words without code that are no name": (
        [condition("c1", concept={"text": "see letter of the ward"})], [], "no-code"),
    "words alone that are a name": ([condition("c1", concept={"text": "Pulmonary embolism"})], [],
                                    PROBLEM),
    "of another patient": ([condition("c1", subject={"reference": "Patient/other"})], [],
                           "other-patient"),
    "of nobody": ([condition("c1", subject=None)], [], "subject-missing"),
    "the very resource was there": ([condition("c1", recordedDate=at(days=1))],
                                    [condition("c1")], "known-in-chart"),
    "the same code was there": ([condition("c2")], [condition("c1")], "known-same"),
    "the same, less specific": ([condition("c2", "E11")], [condition("c1", "E11.65")],
                                "known-more-general"),
    "the same, more specific": ([condition("c2", "E11.65")], [condition("c1", "E11.9")],
                                "known-more-specific"),
    "its acute complication": ([condition("c2", "E11.10")], [condition("c1", "E11.9")], PROBLEM),
    "an exacerbation of it": ([condition("c2", "J44.1")], [condition("c1", "J44.9")], PROBLEM),
    "an event of long ago again": (
        [condition("c2", "J18.9")], [condition("c1", "J18.9", onsetDateTime=at(days=-400))],
        PROBLEM),
    "the event of last week": (
        [condition("c2", "J18.9")], [condition("c1", "J18.9", onsetDateTime=at(days=-7))],
        "known-same"),
    "it was suspected": ([condition("c2")],
                         [condition("c1", **{VER: status("provisional")})], "known-same"),
    "it was refuted": ([condition("c2")], [condition("c1", **{VER: status("refuted")})], PROBLEM),
    "it was over": ([condition("c2", "I10")],
                    [condition("c1", "I10", clinicalStatus=status("resolved"))], PROBLEM),
    "it was the complaint": (
        [condition("c2")],
        [encounter("e1", status="in-progress", period={"start": at(hours=-1)}, reasonCode=[
            {"coding": [{"system": ICD, "code": "I26.99", "display": "Pulmonary embolism"}]}])],
        "known-same"),
    "discharge diagnosis": (
        [encounter("e1", use("DD")), condition("c1", category=[status("other")])], [], DISCHARGE),
    "admission diagnosis alone": ([encounter("e1", use("AD")), condition("c1")], [], "suspicion"),
    "admission and discharge": (
        [encounter("e1", use("AD"), use("DD")), condition("c1", category=[status("other")])], [],
        DISCHARGE),
    "billing": ([encounter("e1", use("billing")), condition("c1", category=[status("other")])],
                [], "source-not-counted"),
    "without use": (
        [encounter("e1", {"condition": {"reference": "Condition/c1"}}),
         condition("c1", category=[status("other")])], [], "source-not-counted"),
    "STU3 role": (
        [encounter("e1", {"condition": {"reference": "Condition/c1"},
                          "role": {"coding": [{"code": "DD"}]}}),
         condition("c1", category=[status("other")])], [], DISCHARGE),
    "still open": ([encounter("e1", use("DD"), status="in-progress", period={"start": at()}),
                    condition("c1", category=[status("other")])], [], "encounter-open"),
    "an encounter of before": (
        [encounter("e1", use("DD"), period={"start": at(days=-9), "end": at(days=-1)}),
         condition("c1", category=[status("other")])], [], "encounter-ended-before"),
    "a discharge without a record": ([encounter("e1", use("DD"))], [], "condition-missing"),
    "contained, dated by its stay": (
        [encounter("e1", use("DD", "#d"), contained=[
            {"resourceType": "Condition", "id": "d",
             "code": {"coding": [{"system": ICD, "code": "I26.99"}]}}])], [], DISCHARGE),
    "R5, a concept in the encounter": (
        [encounter("e1", {"condition": [{"concept": {"coding": [
            {"system": ICD, "code": "I26.99"}]}}], "use": [{"coding": [{"code": "final"}]}]},
            status="completed", period=None,
            actualPeriod={"start": at(), "end": at(days=2)})], [], DISCHARGE),
    "R5, a reference": (
        [encounter("e1", {"condition": [{"reference": {"reference": "Condition/c1"}}],
                          "use": [{"coding": [{"code": "final"}]}]}, status="discharged"),
         condition("c1", category=[status("other")])], [], DISCHARGE),
    "R5, a working diagnosis": (
        [encounter("e1", {"condition": [{"reference": {"reference": "Condition/c1"}}],
                          "use": [{"coding": [{"code": "working"}]}]}, status="completed"),
         condition("c1")], [], "suspicion"),
    "a cancelled encounter": ([encounter("e1", use("DD"), status="cancelled"),
                               condition("c1", category=[status("other")])], [], "no-rule"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_an_outcome_or_says_why_it_is_none(
    case: str, terminology: Terminology
) -> None:
    found, before, expected = CASES[case]
    told = decided(terminology, found, before)
    sources = [each.source for each in told.outcomes]
    if expected in {each.id for each in RULES.sources}:
        assert sources == [expected], dict(told.passed_over)
    else:
        assert sources == []
        assert expected in told.passed_over


def test_an_outcome_has_its_code_time_and_encounter_and_no_words(terminology: Terminology) -> None:
    later = condition("c1", display="Told to nobody", recordedDate=at(days=2))
    told = decided(terminology, [encounter("e1", use("DD")), later])
    [outcome] = told.outcomes
    assert (outcome.system, outcome.code, outcome.written) == (ICD, "I26.99", (ICD, "I26.99"))
    assert outcome.charted == HOOK.timestamp() + 2 * 86_400
    assert (outcome.source, outcome.encounter) == (DISCHARGE, "h1:e1")
    assert "Told to nobody" not in repr(told)
    assert told.passed_over == {"duplicate": 1}
    assert told.how == {"icd-10-cm": 1}


def test_of_one_code_seen_twice_the_earlier_time_counts(terminology: Terminology) -> None:
    late, early = condition("c1"), condition("c2", recordedDate=at(hours=2))
    [outcome] = decided(terminology, [late, early]).outcomes
    assert outcome.charted == HOOK.timestamp() + 2 * 3600


@pytest.mark.parametrize(
    ("system", "code", "display", "counted", "how"),
    [
        (SNOMED, "59282003", "Pulmonary embolism", (ICD, "I26"), "name"),
        (SNOMED, "59282003", "", (SNOMED, "59282003"), "none"),
        ("http://hl7.org/fhir/sid/icd-10", "I64", "", (ICD, "I63.9"), "same"),
        ("http://hl7.org/fhir/sid/icd-10-gm", "I21.4", "", (ICD, "I21"), "category"),
        ("urn:oid:2.16.840.1.113883.6.90", "I21.4", "", (ICD, "I21.4"), "icd-10-cm"),
        ("urn:oid:1.2.3", "77", "", ("urn:oid:1.2.3", "77"), "none"),
    ],
)  # fmt: skip
def test_what_a_code_counts_as_and_how_that_was_found(
    system: str, code: str, display: str, counted: tuple[str, str], how: str,
    terminology: Terminology,
) -> None:  # fmt: skip
    later = condition("c1", code, system=system, display=display)
    told = decided(terminology, [later])
    [outcome] = told.outcomes
    assert (outcome.system, outcome.code) == counted
    assert outcome.written == (system, code)
    assert told.how == {how: 1}


@pytest.mark.parametrize(
    ("policy", "whole", "there", "counts"),
    [
        ("never", True, False, False),
        ("unless-in-chart", True, False, True),
        ("unless-in-chart", False, False, False),
        ("unless-in-chart", True, True, False),
        ("always", False, True, True),
    ],
)
def test_a_date_of_the_day_of_the_hook_is_decided_by_the_rule(
    policy: str, whole: bool, there: bool, counts: bool, terminology: Terminology
) -> None:
    rules = RULES.model_copy(update={"time": RULES.time.model_copy(update={"same_day": policy})})
    # As refuted it is no knowledge, but the chart held the resource.
    before = [condition("c1", **{VER: status("refuted")})] if there else []
    later = condition("c1", recordedDate="2026-11-29")
    told = decided(terminology, [later], before, whole=whole, rules=rules)
    assert bool(told.outcomes) is counts
    assert counts or told.passed_over == {"same-day": 1}
    assert not counts or told.outcomes[0].charted == HOOK.timestamp()
    assert not counts or told.outcomes[0].precision == "day"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6)
    | st.sampled_from(["DD", "Condition/c1", "2026-11-30", "finished", "confirmed", ICD, "I26.99"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["coding", "code", "system", "reference", "concept", "condition", "use",
                         "start", "end", "display", "text"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
ELEMENTS = ["status", "period", "diagnosis", "contained", "category", "code", "verificationStatus",
            "clinicalStatus", "recordedDate", "onsetDateTime", "abatementDateTime", "id",
            "extension", "actualPeriod", "onsetPeriod"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["Condition", "Encounter"]), min_size=1, max_size=3),
    data=st.data(),
)
def test_whatever_a_server_sends_each_diagnosis_is_counted_once(
    kinds: list[str], data: st.DataObject, terminology: Terminology
) -> None:
    sent = []
    for kind in kinds:
        drawn = data.draw(st.dictionaries(st.sampled_from(ELEMENTS), JSON, max_size=6))
        sent.append({"subject": {"reference": "Patient/pat"}, **drawn, "resourceType": kind})
    told = decided(terminology, sent)
    seen = len(list(sightings(sent, RULES)))
    lost = sum(told.passed_over.get(code, 0) for code in ("other-patient", "subject-missing"))
    assert len(told.outcomes) + sum(told.passed_over.values()) - lost == seen
    for each in told.outcomes:
        assert HOOK.timestamp() <= each.charted <= HOOK.timestamp() + 30 * 86_400
