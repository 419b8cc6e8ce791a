"""Does the chart say what the model claims it says?

These checks compare claims with facts. Whether a fact bears on a diagnosis is judged in
`cds_hooks.plausibility.relevance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.consultation import Evidence, Reason
from cds_hooks.plausibility.chart.indexed_chart import OVER
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, PASS, CheckedDiagnosis
from fhir_mapping.chart import Certainty, Experiencer, Fact, Flag, Kind, Polarity

__all__ = [
    "CounterEvidence",
    "EvidenceAbout",
    "EvidenceBothWays",
    "EvidenceCurrent",
    "EvidenceDirection",
    "EvidenceExists",
    "claim_result",
    "is_about_another",
]

_RULE = "the chart itself"
_STATES = frozenset({Kind.PROBLEM, Kind.MEDICATION, Kind.ALLERGY})


@dataclass(frozen=True, slots=True)
class EvidenceExists:
    """Every cited fact is in the chart."""

    id: str = "evidence-exists"
    source: str = _RULE

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        cited = (*case.evidence_for, *case.evidence_against)
        known = case.known(cited)
        missing = len({e.fact_id for e in cited} - {e.fact_id for e in known})
        if not case.evidence_for:
            yield Reason(self.id, ABSTAIN, "no fact is cited for it", source=self.source)
        elif missing:
            text = f"{missing} cited {_facts(missing)} not in the chart"
            yield Reason(self.id, FAIL, text, _ids(known), self.source)
        else:
            yield Reason(
                self.id, PASS, "every cited fact is in the chart", _ids(known), self.source
            )


@dataclass(frozen=True, slots=True)
class EvidenceDirection:
    """A "high" is high, a "present" is present: per result one reason."""

    id: str = "evidence-direction"
    source: str = _RULE

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        texts = {
            PASS: "the chart says what is claimed",
            FAIL: "claimed, but the chart says otherwise",
            ABSTAIN: "the chart does not say whether this is so",
        }
        for result, found in _by_result(case, case.evidence_for).items():
            claims = ", ".join(f"{e.fact_id} {e.claim}" for e in found)
            yield Reason(self.id, result, f"{texts[result]}: {claims}", _ids(found), self.source)


@dataclass(frozen=True, slots=True)
class EvidenceCurrent:
    """A resolved problem or a stopped medication is not cited as present."""

    id: str = "evidence-current"
    source: str = _RULE

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        over = [
            e
            for e in case.known(case.evidence_for)
            if e.claim == "present" and _is_over(case.indexed.facts[e.fact_id])
        ]
        if over:
            yield Reason(
                self.id, FAIL, "cited as present, recorded as over", _ids(over), self.source
            )


@dataclass(frozen=True, slots=True)
class EvidenceAbout:
    """What is cited is about this patient, not a relative."""

    id: str = "evidence-about"
    source: str = _RULE

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        known = case.known(case.evidence_for)
        facts = case.indexed.facts
        relatives = [e for e in known if is_about_another(facts[e.fact_id])]
        if relatives:
            text = "cited facts are about a relative, not the patient"
            yield Reason(self.id, ABSTAIN, text, _ids(relatives), self.source)


@dataclass(frozen=True, slots=True)
class CounterEvidence:
    """Facts cited against the diagnosis that are so."""

    id: str = "counter-evidence"
    source: str = _RULE

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        found = _by_result(case, case.evidence_against).get(PASS)
        if found:
            text = "facts cited against it are as claimed"
            yield Reason(self.id, FAIL, text, _ids(found), self.source)


@dataclass(frozen=True, slots=True)
class EvidenceBothWays:
    """No fact is cited for and against the same diagnosis; fails when every fact cited for it is
    cited against it too, abstains when some are."""

    id: str = "evidence-both-ways"
    source: str = "plain logic"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        against = {e.fact_id for e in case.evidence_against}
        known = case.known(case.evidence_for)
        both = [e for e in known if e.fact_id in against]
        if both and len(both) == len(known):
            text = "every fact cited for it is cited against it too"
            yield Reason(self.id, FAIL, text, _ids(both), self.source)
        elif both:
            text = "the same fact is cited for and against it"
            yield Reason(self.id, ABSTAIN, text, _ids(both), self.source)


def is_about_another(fact: Fact) -> bool:
    """Whether a fact is of a relative or of somebody else than the patient."""
    return fact.kind is Kind.FAMILY or fact.experiencer is not Experiencer.PATIENT


def claim_result(fact: Fact, claim: str) -> str:
    """Whether a fact is as claimed: pass, fail, or abstain when the chart does not tell."""
    if claim in ("high", "low", "abnormal", "normal"):
        return _result(_flagged(fact.flag, claim))
    if claim in ("present", "absent"):
        return _result(_said(fact, claim == "present"))
    return ABSTAIN


def _result(answer: bool | None) -> str:
    return ABSTAIN if answer is None else PASS if answer else FAIL


def _flagged(flag: Flag | None, claim: str) -> bool | None:
    if flag is None:
        return None
    if claim == "abnormal":
        return flag.is_abnormal
    if claim == "normal":
        return not flag.is_abnormal
    if flag is Flag.ABNORMAL:
        return None
    return flag.is_high if claim == "high" else flag.is_low


def _said(fact: Fact, present: bool) -> bool | None:
    """A number is neither present nor absent, unless its flag makes it a finding."""
    if fact.polarity is Polarity.UNKNOWN or fact.certainty is Certainty.UNCERTAIN:
        return None
    denied = fact.polarity in (Polarity.ABSENT, Polarity.REFUTED)
    if fact.value is not None and not denied:
        return True if present and fact.is_abnormal else None
    return denied is not present


def _is_over(fact: Fact) -> bool:
    return fact.kind in _STATES and fact.status in OVER


def _by_result(case: CheckedDiagnosis, evidence: Iterable[Evidence]) -> dict[str, list[Evidence]]:
    found: dict[str, list[Evidence]] = {}
    for one in case.known(evidence):
        found.setdefault(claim_result(case.indexed.facts[one.fact_id], one.claim), []).append(one)
    return {r: found[r] for r in (PASS, FAIL, ABSTAIN) if r in found}


def _ids(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(e.fact_id for e in evidence))


def _facts(count: int) -> str:
    return "fact is" if count == 1 else "facts are"
