"""A card's override reasons name its first diagnoses, so that one of them can be called wrong."""

from __future__ import annotations

from dataclasses import replace

from cds_hooks.cards.diagnosis_override_reasons import diagnosis_reasons
from cds_hooks.consultation import (
    Assessment,
    CheckedConsultation,
    Consultation,
    Group,
    ModelIdentity,
    Outcome,
    Verdict,
)
from cds_hooks.protocol.judgements import judgement_of
from fhir_mapping.chart import Chart, PatientFacts

VERDICTS = {
    "Gout": Verdict.UNCERTAIN,
    "Sepsis": Verdict.SUPPORTED,
    "Scurvy": Verdict.CONTRADICTED,
    "Anemia": Verdict.PLAUSIBLE,
    "Asthma": Verdict.UNCERTAIN,
}


def consultation(demonstration: bool) -> Consultation:
    model = ModelIdentity("m", "0" * 64, "e", demonstration=demonstration)
    found = tuple(Assessment(name, Group.LIKELY, v) for name, v in VERDICTS.items())
    chart = Chart(PatientFacts(60, "male"), ())
    done = CheckedConsultation("c", "k", "s", 0.0, "p", chart, outcome=Outcome.ANSWERED)
    return replace(done, model=model, assessments=found)


def test_the_first_three_that_stay_are_named_with_their_place() -> None:
    reasons = diagnosis_reasons(consultation(demonstration=False))
    found = [(judgement_of(reason), reason.display) for reason in reasons]
    assert [(j.place, j.said, text) for j, text in found if j is not None] == [
        (2, "wrong", "Wrong for this patient: Sepsis"),
        (4, "wrong", "Wrong for this patient: Anemia"),
        (1, "wrong", "Wrong for this patient: Gout"),
    ]


def test_a_demonstration_models_list_is_not_judged_on_a_card() -> None:
    assert diagnosis_reasons(consultation(demonstration=True)) == ()
