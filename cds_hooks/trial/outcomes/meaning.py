"""Which ICD-10-CM code a diagnosis of a chart has, by its codes or by the whole of its name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.chart.indexed_chart import RecordedProblem, recorded_problem
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from cds_hooks.trial.outcomes.rules import OutcomeRules
from fhir_mapping.chart import Code, Fact

__all__ = ["Meaning", "meaning_of"]

_ICD_10_CM = frozenset({ICD_10_CM, "urn:oid:2.16.840.1.113883.6.90"})
# Of other editions of ICD-10 only the category is taken over: their subdivisions differ.
_OTHER_EDITIONS = frozenset(
    {
        "http://hl7.org/fhir/sid/icd-10", "urn:oid:2.16.840.1.113883.6.3",
        "http://hl7.org/fhir/sid/icd-10-gm", "http://hl7.org/fhir/sid/icd-10-de",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "http://fhir.de/CodeSystem/dimdi/icd-10-gm",
    }
)  # fmt: skip
_CATEGORY = 3


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a diagnosis counts as (`system`, `code`), how it was written, and what it is to rules.

    `how` says by what: "icd-10-cm", "same" (a row of the rules), "name", "category" (of another
    edition of ICD-10), or "none": it has no ICD-10-CM code that is known, and counts as written.
    """

    system: str
    code: str
    how: str
    written: tuple[str, str]
    problem: RecordedProblem

    @property
    def icd(self) -> str:
        """The ICD-10-CM code; "" where it has none."""
        return self.code if self.system == ICD_10_CM else ""


def meaning_of(fact: Fact, rules: OutcomeRules, terminology: Terminology) -> Meaning | None:
    """What a fact's diagnosis is; None where it has no code and its words are no known name."""
    codes = [each for each in fact.codes if each.code]
    for coded in codes:
        if icd := rules.meanings.get(f"{coded.system}|{coded.code}"):
            return _as_icd(fact, icd, "same", coded, terminology)
    for coded in (each for each in codes if each.system in _ICD_10_CM):
        concept = terminology.concept(coded.code)
        if concept is not None and concept.system == ICD_10_CM:
            return _as_icd(fact, concept.code, "icd-10-cm", coded, terminology)
    problem = recorded_problem(fact, terminology)
    return (
        _by_name(problem, codes, terminology)
        or _by_category(fact, codes, terminology)
        or _as_written(problem, codes)
    )


def _by_name(
    problem: RecordedProblem, codes: list[Code], terminology: Terminology
) -> Meaning | None:
    """By the name, where it is that of a single ICD-10-CM code."""
    own = {each.code for each in problem.concepts if each.system == ICD_10_CM}
    links = {each.link for each in problem.concepts if each.link and not own}
    found = sorted(own or {each for each in links if terminology.concept(each)})
    if len(found) != 1:
        return None
    written = codes[0] if codes else Code("", "")
    if not own:
        return _as_icd(problem.fact, found[0], "name", written, terminology)
    return Meaning(ICD_10_CM, found[0], "name", (written.system, written.code), problem)


def _by_category(fact: Fact, codes: list[Code], terminology: Terminology) -> Meaning | None:
    for coded in (each for each in codes if each.system in _OTHER_EDITIONS):
        category = terminology.concept(coded.code[:_CATEGORY])
        if category is not None and category.system == ICD_10_CM:
            return _as_icd(fact, category.code, "category", coded, terminology)
    return None


def _as_written(problem: RecordedProblem, codes: list[Code]) -> Meaning | None:
    if not codes:
        return None
    first = codes[0]
    return Meaning(first.system, first.code, "none", (first.system, first.code), problem)


def _as_icd(fact: Fact, icd: str, how: str, written: Code, terminology: Terminology) -> Meaning:
    concept = terminology.concept(icd)
    code = Code(ICD_10_CM, icd, concept.display if concept else "")
    problem = recorded_problem(replace(fact, codes=(code,)), terminology)
    return Meaning(ICD_10_CM, icd, how, (written.system, written.code), problem)
