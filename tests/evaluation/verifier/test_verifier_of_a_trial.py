"""`chartside verifier fit --trial`: of which cases of a trial a verifier is fitted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.verifier_trial import KeptEvidence, WantedTrial, labelled_trial
from cds_hooks.consultation import (
    Assessment,
    Candidate,
    CheckedConsultation,
    Differential,
    Group,
    Outcome,
    Verdict,
)
from cds_hooks.trial.cases import MatchLevel
from cds_hooks.verifier import ConsultationEvidence, VerifierError
from fhir_mapping.chart import Chart, PatientFacts
from tests.evaluation.verifier.invented_cases import MODELS, invented

_WANTED = WantedTrial("2026-03-01", "2026-03-02", "", MatchLevel.SAME, "")


def test_a_period_is_whole_days_in_utc() -> None:
    begin, end = _WANTED.seconds
    assert end - begin == 2 * 86_400
    with pytest.raises(UsageError):
        _ = replace(_WANTED, since="yesterday").seconds
    for day in ("9999-12-31", "10000-01-01"):
        with pytest.raises(UsageError):
            _ = replace(_WANTED, until=day).seconds


def test_only_cases_that_were_asked_alike_are_fitted_on() -> None:
    """Of twelve cases two were asked before the model was changed."""
    cases = invented(12)
    older = [
        replace(c, evidence=ConsultationEvidence(("old",) * 3, c.evidence.proposed))
        for c in cases[:2]
    ]
    found = labelled_trial((*older, *cases[2:]), _WANTED)
    assert found.cases == tuple(cases[2:])
    assert (found.origin.models, found.origin.samples) == (("small",), len(MODELS))
    assert found.origin.match == "same"
    with pytest.raises(VerifierError, match="no case"):
        labelled_trial((), _WANTED)


def test_evidence_is_kept_in_the_order_of_the_case() -> None:
    listed = ("Gout", "Sepsis")
    done = CheckedConsultation(
        id="c1",
        key="k",
        service="s",
        created=0.0,
        patient_key="p",
        chart=Chart(PatientFacts(), ()),
        differentials=(
            Differential(tuple(Candidate(n, Group.LIKELY) for n in listed), model="m"),
            Differential((Candidate("Sepsis", Group.LIKELY),), model="m"),
        ),
        assessments=tuple(
            Assessment(n, Group.LIKELY, Verdict.PLAUSIBLE, written_as=(n,)) for n in listed
        ),
        outcome=Outcome.ANSWERED,
    )
    kept = KeptEvidence()
    assert [a.name for a in kept(done)] == list(listed)
    assert [p.places for p in kept.by_id["c1"].proposed] == [(1, None), (2, 1)]
