"""The list of a consultation in the verifier's order, with probabilities where they apply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_hooks.cards.annotations import order_of, probability_of
from cds_hooks.cards.full_detail import full_detail
from cds_hooks.consult.verifying import Verifier, ranked
from cds_hooks.consultation import (
    Assessment,
    Candidate,
    CheckedConsultation,
    Differential,
    Group,
    Outcome,
    Verdict,
)
from cds_hooks.verifier import digest, fixed_rules
from tests.cards.woman import CHART
from tests.verifier.files import content, small_file

# Made on 12 cases, which proposed the 20 diagnoses that `calibration.n` counts.
TWELVE = {"case_digests": [f"{n:064x}" for n in range(12)]}
MADE = small_file(parts=content()["parts"] | {"calibrate": TWELVE})
FILE = Verifier(MADE, digest(MADE))


def diagnosis(name: str, p_true: float | None, agreement: float = 1 / 3) -> Assessment:
    return Assessment(
        name,
        Group.LIKELY,
        Verdict.PLAUSIBLE,
        agreement=agreement,
        written_as=(name,),
        p_true=p_true,
    )


def consultation(*assessments: Assessment, samples: int = 3) -> CheckedConsultation:
    """The first sample of one model names all of them, the others none."""
    said = tuple(Candidate(each.name, Group.LIKELY) for each in assessments)
    return CheckedConsultation(
        id="1",
        key="k",
        service="chartside-patient-view",
        created=0.0,
        patient_key="p",
        chart=CHART,
        outcome=Outcome.ANSWERED,
        assessments=assessments,
        differentials=tuple(Differential(() if n else said, "small", n) for n in range(samples)),
    )


DOUBTED = consultation(diagnosis("Gout", 0.1), diagnosis("Sepsis", 0.98))


def test_what_the_model_doubts_goes_behind_and_each_has_its_probability() -> None:
    done = ranked(DOUBTED, FILE)
    assert [each.name for each in done.assessments] == ["Sepsis", "Gout"]
    first, second = (each.probability for each in done.assessments)
    assert first is not None
    assert second is not None
    assert first > second
    assert done.ranking is not None
    assert (done.ranking.by, done.ranking.version) == ("coefficients", FILE.sha256)
    assert (done.ranking.cases, done.ranking.data) == (12, ("by hand",))
    assert replace(done, assessments=(), ranking=None) == replace(DOUBTED, assessments=())


def test_other_samples_than_it_learnt_from_leave_the_order_alone() -> None:
    done = ranked(consultation(*DOUBTED.assessments, samples=5), FILE)
    assert [each.name for each in done.assessments] == ["Sepsis", "Gout"]
    assert {each.probability for each in done.assessments} == {None}
    assert done.ranking is not None
    assert done.ranking.cases == 0
    assert order_of(done.ranking).startswith("Ranked as learnt from by hand, without probabilities")


def test_fixed_rules_order_without_probabilities() -> None:
    weak = diagnosis("Gout", None, agreement=0.3)
    done = ranked(consultation(weak, diagnosis("Sepsis", None)), Verifier(fixed_rules()))
    assert {each.probability for each in done.assessments} == {None}
    assert done.ranking is not None
    assert done.ranking.by == "rules"
    assert "fixed rules" in order_of(done.ranking)


def test_without_a_verifier_or_a_list_nothing_changes() -> None:
    assert ranked(DOUBTED, None) is DOUBTED
    empty = consultation()
    assert ranked(empty, FILE) is empty
    assert order_of(None) == ""


def test_the_page_tells_probabilities_and_on_how_many_cases_they_rest() -> None:
    page = full_detail(ranked(DOUBTED, FILE))
    assert page.order == "Ranked, with probabilities calibrated on 12 cases (by hand)."
    (group,) = page.groups
    assert [view.probability for view in group.diagnoses] == ["51 %", "10 %"]
    assert [view.probability for view in full_detail(DOUBTED).groups[0].diagnoses] == ["", ""]


@pytest.mark.parametrize(
    ("probability", "told"),
    [
        (None, ""),
        (0.0, "below 1 %"),
        (0.0049, "below 1 %"),
        (0.006, "1 %"),
        (0.344, "34 %"),
        (0.994, "99 %"),
        (1.0, "above 99 %"),
    ],
)
def test_no_probability_is_told_as_certain(probability: float | None, told: str) -> None:
    assert probability_of(replace(diagnosis("Gout", None), probability=probability)) == told


def test_of_what_is_on_the_problem_list_no_probability_is_told() -> None:
    known = replace(diagnosis("Gout", None), verdict=Verdict.RECORDED, probability=0.01)
    assert probability_of(known) == ""
