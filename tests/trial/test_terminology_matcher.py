"""How near codes are by the terminology."""

from __future__ import annotations

import pytest

from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.terminology.resolution import MESH
from cds_hooks.trial.cases import Code, MatchLevel
from cds_hooks.trial.report.related import related_groups
from cds_hooks.trial.report.terminology_matcher import TerminologyMatcher
from tests.trial.trial_cases import ICD


@pytest.fixture(scope="module")
def matcher(terminology: Terminology) -> TerminologyMatcher:
    return TerminologyMatcher(terminology)


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("I21.4", "I21.4", MatchLevel.SAME),
        ("I26", "I26.99", MatchLevel.SAME),  # other, without acute cor pulmonale
        ("E11", "E11.9", MatchLevel.SAME),  # without complications
        ("E11.9", "E11.65", MatchLevel.CATEGORY),
        ("I21.4", "I21.02", MatchLevel.CATEGORY),
        ("I21.4", "I20.0", MatchLevel.RELATED),
        ("I26.99", "I82.4", MatchLevel.RELATED),
        ("A41.9", "R65.20", MatchLevel.RELATED),
        ("A41.9", "R65.10", None),
        ("K92.2", "K25.4", MatchLevel.RELATED),
        ("K92.2", "K25.7", None),  # an ulcer that does not bleed
        ("J18.9", "I50.9", None),
    ],
)
def test_levels_of_codes(
    matcher: TerminologyMatcher, one: str, other: str, level: MatchLevel | None
) -> None:
    assert matcher((ICD, one), (ICD, other)) is level
    assert matcher((ICD, other), (ICD, one)) is level


def test_another_system_goes_by_the_code_of_the_same_name(matcher: TerminologyMatcher) -> None:
    pneumonia: Code = (MESH, "D011014")
    assert matcher(pneumonia, (ICD, "J18.9")) in (MatchLevel.SAME, MatchLevel.CATEGORY)
    assert matcher(pneumonia, (ICD, "I50.9")) is None


def test_the_oid_of_the_system_is_the_system(matcher: TerminologyMatcher) -> None:
    written = ("urn:oid:2.16.840.1.113883.6.90", "E11")
    assert matcher(written, (ICD, "E11.9")) is MatchLevel.SAME
    assert matcher(written, (ICD, "I50.9")) is None


def test_a_code_that_is_not_listed_stands_for_itself(matcher: TerminologyMatcher) -> None:
    local: Code = ("urn:oid:1.2.3", "X1")
    assert matcher(local, local) is MatchLevel.SAME
    assert matcher(local, (ICD, "I21.4")) is None


def test_each_group_says_why() -> None:
    assert all(len(group.codes) > 1 and group.reason for group in related_groups())
