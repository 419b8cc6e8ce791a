"""The encounters as the cases of a trial, without a service in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cds_hooks.consultation import Verdict
from cds_hooks.trial.cases import Finding, Outcome, Proposed, TrialCase
from tests.simulated_hospital.catalogue import ICD_10_CM
from tests.simulated_hospital.encounters import Encounter, Listed
from tests.simulated_hospital.parameters import SAMPLES

__all__ = ["SERVICE", "trial_cases"]

SERVICE = "chartside-patient-view"


def trial_cases(encounters: Iterable[Encounter]) -> Iterator[TrialCase]:
    """One case for each time that a chart is opened."""
    for each in encounters:
        case = _case(each)
        yield case
        if each.seen_again:
            yield replace(case, consultation=f"{each.id}-again", asked=each.seen_again)


def _case(encounter: Encounter) -> TrialCase:
    struck = [each for each in encounter.listed if each.refuted]
    visible = [*encounter.patient.known, *([encounter.truth.code] if encounter.leaks else [])]
    return TrialCase(
        consultation=encounter.id,
        patient=encounter.patient.id,
        encounter=encounter.id,
        service=SERVICE,
        asked=encounter.asked,
        hour=encounter.asked.hour,
        age_band=encounter.patient.age_band,
        sex=encounter.patient.sex,
        ended="answered" if encounter.listed else "empty-differential",
        seconds=encounter.seconds,
        proposed=tuple(map(_proposed, (*encounter.shown, *struck))),
        findings=_findings(encounter),
        visible_codes=frozenset((ICD_10_CM, code) for code in visible),
        outcomes=_outcomes(encounter),
    )


def _proposed(listed: Listed) -> Proposed:
    verdict = Verdict.SUPPORTED if listed.cited else Verdict.PLAUSIBLE
    return Proposed(
        codes=((ICD_10_CM, listed.said.code),),
        verdict=Verdict.CONTRADICTED if listed.refuted else verdict,
        agreement=listed.votes / SAMPLES,
        struck_out=listed.refuted,
    )


def _findings(encounter: Encounter) -> tuple[Finding, ...]:
    rule = encounter.complaint.rule
    if rule is None or not encounter.rule_fires:
        return ()
    return (Finding(rule.id, tuple((ICD_10_CM, code) for code in rule.codes)),)


def _outcomes(encounter: Encounter) -> tuple[Outcome, ...]:
    if encounter.charted is None:
        return ()
    code = encounter.truth.code
    return (Outcome(ICD_10_CM, code, "encounter-diagnosis", encounter.charted),)
