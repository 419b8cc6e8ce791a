"""`services.speak`: no card unless it matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cds_hooks.cards import build
from cds_hooks.consultation import Assessment, Consultation, Group, Outcome, Verdict
from fhir_mapping.chart import Code
from tests.consultations import with_outcome

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
Uuids = Callable[[], str]
SEPSIS = Assessment("Sepsis", Group.LIKELY, Verdict.SUPPORTED, (Code(ICD, "A41.9", "Sepsis"),))
GOUT = Assessment("Gout", Group.MUST_NOT_MISS, Verdict.SUPPORTED, (Code(ICD, "M10.9", "Gout"),))


def speaks(done: Consultation, make_uuid: Uuids, last: Consultation | None = None) -> bool:
    response = build(
        done, base_url="http://localhost", make_uuid=make_uuid, last=last, speak="when-it-matters"
    )
    assert len(build(done, base_url="http://localhost", make_uuid=make_uuid).cards) == 1
    return len(response.cards) == 1


def test_a_serious_diagnosis_that_is_supported(answered: Consultation, make_uuid: Uuids) -> None:
    assert speaks(replace(answered, assessments=(SEPSIS,)), make_uuid)
    unsure = replace(SEPSIS, verdict=Verdict.PLAUSIBLE)
    assert not speaks(replace(answered, assessments=(unsure,)), make_uuid)
    assert not speaks(replace(answered, assessments=(GOUT,)), make_uuid)


def test_not_for_what_a_demonstration_model_names(
    demonstration: Consultation, make_uuid: Uuids
) -> None:
    assert not speaks(replace(demonstration, assessments=(SEPSIS,)), make_uuid)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.CHECKED}))
def test_a_rule_that_fires_or_a_contradiction_in_every_outcome(
    answered: Consultation,
    contradictory: Consultation,
    critical: Consultation,
    make_uuid: Uuids,
    outcome: Outcome,
) -> None:
    quiet = with_outcome(answered, outcome, assessments=(GOUT,))
    assert not speaks(quiet, make_uuid)
    assert speaks(replace(quiet, chart_findings=critical.chart_findings), make_uuid)
    assert speaks(replace(quiet, contradictions=contradictory.contradictions), make_uuid)


def test_a_drug_that_conflicts_and_not_one_that_explains_a_result(
    answered: Consultation, reviewed: Consultation, make_uuid: Uuids
) -> None:
    explains, conflicts = reviewed.medication_concerns
    quiet = replace(answered, assessments=(GOUT,))
    assert speaks(replace(quiet, medication_concerns=(conflicts,)), make_uuid)
    assert not speaks(replace(quiet, medication_concerns=(explains,)), make_uuid)


def test_an_earlier_list_counts_as_long_as_it_is_shown(
    pending: Consultation, answered: Consultation, make_uuid: Uuids
) -> None:
    assert speaks(pending, make_uuid, last=replace(answered, assessments=(SEPSIS,)))
    assert not speaks(pending, make_uuid, last=replace(answered, assessments=(GOUT,)))
