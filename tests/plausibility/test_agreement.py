"""Agreement of samples and models, merged by code, synonym and hierarchy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.agreement.votes import votes

Make = Callable[..., Any]


def test_one_model_counts_its_samples() -> None:
    found = votes([True, True, False], ["a", "a", "a"])
    assert found.share == pytest.approx(2 / 3)
    assert found.models == 1


def test_each_model_counts_once_however_many_samples_it_gave() -> None:
    found = votes([True, True, True, True, False], ["a", "a", "a", "a", "b"])
    assert found.share == 0.5
    assert found.models == 0.5


def test_models_that_disagree_weigh_more_than_samples_that_do() -> None:
    one_sample_off = votes([True, True, False, True], ["a", "a", "a", "b"])
    one_model_off = votes([True, True, True, False], ["a", "a", "a", "b"])
    assert one_sample_off.share > one_model_off.share


def test_nobody_votes_for_nothing() -> None:
    assert votes([], []).share == 0
    assert votes([], []).models == 0


def test_a_vote_for_every_sample_is_needed() -> None:
    with pytest.raises(ValueError):
        votes([True], ["a", "b"])


def test_an_assessment_of_several_models_has_their_mean_agreement(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    def of(model: str, name: str) -> Any:
        return replace(differential(name), model=model)

    samples = [of("a", "Gout"), of("a", "Gout"), of("a", "Gout"), of("b", "Pneumonia")]
    found = assess_candidates(chart(), samples, terminology)
    assert {a.name: a.agreement for a in found} == {"Gout": 0.5, "Pneumonia": 0.5}


def of(model: str, name: str, differential: Make) -> Any:
    return replace(differential(name), model=model)


def test_a_kind_of_a_disease_votes_for_it(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    samples = [
        differential("Myocardial infarction", "Gout"),
        differential("STEMI"),
        differential("Acute myocardial infarction", "Gout"),
    ]
    found = {a.name: a for a in assess_candidates(chart(), samples, terminology)}
    assert set(found) == {"Myocardial infarction", "Gout"}
    heart = found["Myocardial infarction"]
    assert heart.agreement == 1.0
    assert heart.written_as == ("Myocardial infarction", "Acute myocardial infarction")
    assert heart.related == ("STEMI",)


def test_the_narrower_stays_when_more_samples_wrote_it(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    samples = [differential("STEMI"), differential("STEMI"), differential("Myocardial infarction")]
    (found,) = assess_candidates(chart(), samples, terminology)
    assert (found.name, found.agreement) == ("STEMI", 1.0)
    assert found.related == ("Myocardial infarction",)


def test_what_a_sample_tells_apart_stays_apart(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    samples = [differential("Myocardial infarction", "STEMI"), differential("STEMI")]
    found = {a.name: a.agreement for a in assess_candidates(chart(), samples, terminology)}
    assert found == {"STEMI": 1.0, "Myocardial infarction": 0.5}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cholelithiasis", "Gallstones with acute cholecystitis"),
        ("Type 2 diabetes mellitus", "Type 2 diabetes mellitus with ketoacidosis"),
        ("Pneumonia", "Pulmonary embolism"),
    ],
)
def test_a_disease_with_a_complication_is_another_statement(
    terminology: Terminology, chart: Make, differential: Make, one: str, other: str
) -> None:
    samples = [differential(one), differential(other)]
    assert len(assess_candidates(chart(), samples, terminology)) == 2


def test_how_many_models_named_it_is_told(
    terminology: Terminology, chart: Make, differential: Make
) -> None:
    samples = [of("a", "Gout", differential), of("a", "Gout", differential)]
    samples.append(of("b", "Pneumonia", differential))
    found = {a.name: a.model_share for a in assess_candidates(chart(), samples, terminology)}
    assert found == {"Gout": 0.5, "Pneumonia": 0.5}
