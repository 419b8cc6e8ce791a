"""Edges of single functions of the checks, without a terminology."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.consultation import Evidence, Reason
from cds_hooks.plausibility.chart.indexed_chart import DiagnosisIdentity, index_chart
from cds_hooks.plausibility.checks.check import CheckedDiagnosis
from cds_hooks.plausibility.checks.evidence_age import EvidenceSuperseded
from cds_hooks.plausibility.checks.unexplained import UncitedFinding
from cds_hooks.plausibility.terminology.icd_hierarchy import common_code
from cds_hooks.plausibility.terminology.qualifiers import is_species, qualifies
from cds_hooks.plausibility.terminology.resolution import (
    ICD_10_CM,
    Concept,
    MatchStatus,
    Resolution,
)
from cds_hooks.plausibility.terminology.term_index import WordKind
from cds_hooks.plausibility.terminology.term_ranks import DERIVED, INCLUSION, NOTE, PREFERRED
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts

SODIUM = (Code("http://loinc.org", "2951-2", ""),)


def reasons(check: Any, code: str, cited: tuple[Evidence, ...], *facts: Fact) -> list[Reason]:
    indexed = index_chart(Chart(PatientFacts(40, "female"), facts), None)
    found = Resolution("x", MatchStatus.EXACT, (Concept(ICD_10_CM, code, ""),), "x")
    case = CheckedDiagnosis("x", found, DiagnosisIdentity(), cited, (), indexed, None)  # type: ignore[arg-type]
    return list(check(case))


def sodium(fact_id: str, flag: Flag | None, ago: float | None) -> Fact:
    return Fact(fact_id, Kind.LAB, "Sodium", SODIUM, 1.0, flag=flag, days_ago=ago)


@pytest.mark.parametrize(
    ("newer", "older", "claim", "told"),
    [
        ((Flag.NORMAL, 0.0), (Flag.LOW, 0.5), "low", True),
        ((Flag.NORMAL, 0.0), (Flag.LOW, 0.0), "low", False),  # of the same time
        ((Flag.NORMAL, 0.5), (Flag.LOW, 1.5), "low", True),
        ((Flag.NORMAL, 0.5), (Flag.LOW, 1.5), "abnormal", True),
        ((Flag.NORMAL, 0.5), (Flag.LOW, 1.5), "present", True),
        ((Flag.NORMAL, 0.5), (Flag.LOW, 1.5), "normal", False),
        ((Flag.HIGH, 0.5), (Flag.LOW, 1.5), "low", True),
        ((Flag.LOW, 0.5), (Flag.HIGH, 1.5), "high", True),
        ((Flag.LOW, 0.5), (Flag.LOW, 1.5), "low", False),
        ((Flag.CRITICAL_LOW, 0.5), (Flag.LOW, 1.5), "low", False),
        ((Flag.HIGH, 0.5), (Flag.HIGH, 1.5), "high", False),
        ((None, 0.5), (Flag.LOW, 1.5), "low", False),
        ((Flag.NORMAL, 0.5), (Flag.NORMAL, 1.5), "low", False),
        ((Flag.NORMAL, 0.5), (None, 1.5), "low", False),
        ((Flag.NORMAL, 0.5), (Flag.LOW, None), "low", False),
        ((Flag.NORMAL, None), (Flag.LOW, None), "low", False),
    ],
)
def test_a_cited_result_that_a_newer_one_overtakes(
    newer: tuple[Flag | None, float | None],
    older: tuple[Flag | None, float | None],
    claim: str,
    told: bool,
) -> None:
    facts = sodium("L1", *newer), sodium("L2", *older)
    found = reasons(EvidenceSuperseded(), "E87.1", (Evidence("L2", claim),), *facts)
    assert [r.fact_ids for r in found] == ([("L2", "L1")] if told else [])


def test_findings_that_a_pattern_asks_for_and_nobody_cited() -> None:
    """Of a case that was prepared without what the chart tells: it is looked for."""
    pain = Fact("S1", Kind.COMPLAINT, "Chest pain")
    breath = Fact("S2", Kind.COMPLAINT, "Shortness of breath")
    cited = (Evidence("S1", "present"),)
    (found,) = reasons(UncitedFinding(), "I26", cited, pain, breath)
    assert (found.result, found.fact_ids) == ("abstain", ("S2",))
    both = (*cited, Evidence("S2", "present"))
    assert reasons(UncitedFinding(), "I26", both, pain, breath) == []


ORGANISM, SITE = WordKind(site=False, organism=True), WordKind(site=True, organism=False)
BOTH = WordKind(site=True, organism=True)


@pytest.mark.parametrize(
    ("word", "found", "known", "answer"),
    [
        ("aureus", ["staphylococcus", "aureus"], ORGANISM, True),
        ("aureus", ["staphylococcus", "aureus"], SITE, False),
        ("aureus", ["staphylococcus", "aureus"], BOTH, False),
        ("aureus", ["aureus", "staphylococcus"], ORGANISM, False),
        ("foot", ["staphylococcus", "foot"], ORGANISM, False),
        ("aureus", ["other", "aureus"], ORGANISM, False),
    ],
)
def test_a_species_stands_after_its_genus(
    word: str, found: list[str], known: WordKind, answer: bool
) -> None:
    assert is_species(word, found, {"staphylococcus": known}) is answer


def of_chapter(number: str) -> Concept:
    return Concept(ICD_10_CM, "S62", "", chapter=number)


@pytest.mark.parametrize(
    ("chapters", "answer"),
    [(("19",), True), (("19", "19"), True), (("13",), False), (("19", "13"), False), ((), False)],
)
def test_a_site_qualifies_injuries_only(chapters: tuple[str, ...], answer: bool) -> None:
    concepts = [of_chapter(number) for number in chapters]
    found = qualifies(["zyx"], ["fracture", "zyx"], {"zyx": SITE}, concepts, "fracture")
    assert found is answer


PARENTS = {"E11.2": "E11", "E11.21": "E11.2", "E11.22": "E11.2", "E11.9": "E11"}


@pytest.mark.parametrize(
    ("codes", "common"),
    [
        ([], None),
        (["E11.21"], "E11.21"),
        (["E11", "E11.21"], "E11.21"),  # on one line of descent: the deepest
        (["E11.2", "E11", "E11.21"], "E11.21"),
        (["E11.21", "E11.22"], "E11.2"),  # else the nearest ancestor of all
        (["E11.21", "E11.9"], "E11"),
        (["E11", "E11.21", "E11.9"], "E11"),
        (["E11", "I10"], None),
    ],
)
def test_the_code_that_stands_for_several(codes: list[str], common: str | None) -> None:
    assert common_code(codes, PARENTS) == common
    assert common_code(codes[::-1], PARENTS) == common


def test_the_ranks_of_terms_as_a_compiled_terminology_holds_them() -> None:
    assert [PREFERRED, INCLUSION, DERIVED, NOTE] == [
        0,
        1,
        2,
        3,
    ]
