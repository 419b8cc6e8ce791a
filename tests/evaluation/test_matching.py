"""When an answer is the truth, by each rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.evaluation.matching import MatchRule, TruthMatcher
from cds_hooks.evaluation.suites.suite import Gold
from fhir_mapping.chart import Code

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
ALL, ABOVE = ["exact", "ancestor", "category"], ["ancestor", "category"]
NAMES = st.sampled_from(["Gout", "PE", "STEMI", "NSTEMI", "Pneumonia", "Sepsis", "CLL", "zzz", ""])


@pytest.mark.parametrize(
    ("truth", "said", "rules"),
    [
        ("Pulmonary embolism", "PE", ALL),
        ("Chickenpox", "Varicella", ALL),
        ("Osteoclastoma", "Giant cell tumor of bone", ALL),
        ("Wegener\u2019s granulomatosis", "Granulomatosis with polyangiitis", ALL),
        ("Type 2 diabetes mellitus", "Type 2 diabetes mellitus with ketoacidosis", ABOVE),
        ("Acute myocardial infarction", "STEMI", ABOVE),
        ("NSTEMI", "STEMI", ["category"]),
        ("Type 2 diabetes mellitus", "Type 1 diabetes mellitus", []),
        ("Crohn disease", "Ulcerative colitis", []),
        ("Zorblatt syndrome", "zorblatt Syndrome", ALL),
        ("Zorblatt syndrome", "Zorblitt syndrome", []),
        ("Gout", "", []),
    ],
)
def test_rules(matcher: TruthMatcher, truth: str, said: str, rules: list[str]) -> None:
    assert [m.value for m in matcher.matches(Gold((truth,)), said)] == rules


def test_a_gold_code_is_the_truth_without_any_name(matcher: TruthMatcher) -> None:
    gold = Gold((), (Code(ICD, "I26.99"),))
    assert MatchRule.EXACT in matcher.matches(gold, "pulmonary embolism")
    assert matcher.matches(gold, "gout") == ()


def test_a_code_that_is_not_listed_stands_for_itself(matcher: TruthMatcher) -> None:
    gold = Gold(("Gout",), (Code("urn:local", "LOCAL-1"),))
    assert MatchRule.EXACT in matcher.matches(gold, "Gout")
    assert matcher.resolves(gold)


def test_a_truth_with_several_meanings_is_any_of_them(matcher: TruthMatcher) -> None:
    """An answer gains nothing by meaning several things."""
    vague, cranial = "Epidural hematoma", "Hematoma, Epidural, Cranial"
    assert MatchRule.EXACT in matcher.matches(Gold((vague,)), cranial)
    assert matcher.matches(Gold((cranial,)), vague) == ()


@given(NAMES, NAMES)
def test_wider_rules_hold_wherever_strict_ones_do(
    matcher: TruthMatcher, truth: str, said: str
) -> None:
    held = matcher.matches(Gold((truth,)), said)
    assert held == tuple(MatchRule)[len(MatchRule) - len(held) :]
    if said and truth == said:
        assert MatchRule.EXACT in held


def test_rules_are_stated() -> None:
    assert all(m.rule.endswith(".") for m in MatchRule)
