"""Samples merged into one list, and the tables that make a verdict of what the checks said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.consultation import Candidate, Differential, Evidence, Group, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.assessment import ALL_CHECKS
from cds_hooks.plausibility.checks import CHECKS
from cds_hooks.plausibility.relevance.evidence_relevance import IDS as RELEVANCE
from cds_hooks.plausibility.verdicts import verdict, verdict_rules
from fhir_mapping.chart import Flag

Make = Callable[..., Any]


def test_samples_are_merged_by_concept(
    terminology: Terminology, chart: Make, differential: Make, fact: Make
) -> None:
    complaint, lab = fact("S1"), fact("L1", value=4.1, flag=Flag.HIGH)
    samples = [
        differential(("Heart attack", "S1 present"), "Pneumonia"),
        differential(("Myocardial infarction", "L1 high")),
        differential("Pneumonia", "Zorblatt syndrome"),
        differential("zorblatt  Syndrome", "Myocardial infarction"),
    ]
    found = assess_candidates(chart(complaint, lab), samples, terminology)
    assert [(a.name, a.agreement) for a in found] == [
        ("Myocardial infarction", 0.75),
        ("Pneumonia", 0.5),
        ("Zorblatt syndrome", 0.5),
    ]
    assert found[0].written_as == ("Heart attack", "Myocardial infarction")
    assert found[0].evidence_for == (Evidence("S1", "present"), Evidence("L1", "high"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Pulmonary embolism", "Acute pulmonary embolism", True),
        ("Type 2 diabetes", "NIDDM", True),
        ("STEMI", "NSTEMI", False),
        ("Pneumonia", "Pneumococcal pneumonia", False),
        ("Type 1 diabetes", "Type 2 diabetes", False),
    ],
)
def test_what_is_one_diagnosis_and_what_is_two(
    terminology: Terminology, chart: Make, differential: Make, one: str, other: str, same: bool
) -> None:
    found = assess_candidates(chart(), [differential(one), differential(other)], terminology)
    assert len(found) == (1 if same else 2)


def test_naming_a_diagnosis_twice_is_one_vote(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    samples = [differential("Heart attack", "Myocardial infarction"), differential("Gout")]
    found = assess_candidates(chart(), samples, terminology)
    assert {a.name: a.agreement for a in found} == {"Heart attack": 0.5, "Gout": 0.5}


def test_equal_agreement_is_ordered_by_place(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    samples = [differential("Gout", "Pneumonia", "Asthma"), differential("Pneumonia", "Gout")]
    order = [a.name for a in assess_candidates(chart(), samples, terminology)]
    assert order == ["Gout", "Pneumonia", "Asthma"]


def test_one_sample_that_must_not_miss_is_enough(terminology: Terminology, chart: Make) -> None:
    dire = Differential((Candidate("Appendicitis", Group.MUST_NOT_MISS),))
    mild = Differential((Candidate("Appendicitis", Group.LIKELY),))
    assert assess_candidates(chart(), [mild, dire], terminology)[0].group is Group.MUST_NOT_MISS
    assert assess_candidates(chart(), [mild], terminology)[0].group is Group.LIKELY


def test_no_samples_no_assessments(terminology: Terminology, chart: Make) -> None:
    assert assess_candidates(chart(), [], terminology) == ()
    assert assess_candidates(chart(), [Differential(())], terminology) == ()


def test_every_policy_has_a_stable_id_and_a_source() -> None:
    assert len({c.id for c in ALL_CHECKS}) == len(ALL_CHECKS)
    assert all(c.id.replace("-", "").isalpha() and c.source for c in ALL_CHECKS)
    assert set(CHECKS) < set(ALL_CHECKS)


@pytest.mark.parametrize("table", ["rule", "entered"])
def test_every_condition_of_a_verdict_names_a_policy_that_exists(table: Any) -> None:
    ids = {c.id for c in ALL_CHECKS}.union(RELEVANCE)
    for rule in verdict_rules(table):
        for condition in rule.any | rule.all | rule.none:
            check, _, result = condition.partition(":")
            assert check in ids
            assert result in ("pass", "fail", "abstain")
        assert rule.reason
    assert not (verdict_rules(table)[-1].any | verdict_rules(table)[-1].all), (
        "nothing falls through"
    )


def test_what_only_informs_is_in_no_rule_of_the_table() -> None:
    named = {c.partition(":")[0] for r in verdict_rules() for c in r.any | r.all | r.none}
    told = {c.id for c in ALL_CHECKS} - named
    assert told == {"drug-may-cause", "known-chronic-form", "unexplained-finding"}


def test_nothing_known_is_uncertain() -> None:
    assert verdict(()) is Verdict.UNCERTAIN
