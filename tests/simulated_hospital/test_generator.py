"""The simulated hospital by itself: the same every time, and as its parameters say."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.rules.must_not_miss import must_not_miss
from cds_hooks.trial.cases import MatchLevel
from tests.simulated_hospital.catalogue import ICD_10_CM, Said, complaints
from tests.simulated_hospital.counted import counted
from tests.simulated_hospital.encounters import BEGIN, draw
from tests.simulated_hospital.expected import expected
from tests.simulated_hospital.lists import AGREEMENTS, places_of_samples
from tests.simulated_hospital.parameters import Parameters

ROOT = Path(__file__).resolve().parents[2]
MANY = Parameters(encounters=2000)
SAID = [
    said
    for complaint in complaints()
    for each in complaint.diagnoses
    for said in (each, each.category, each.related)
    if said is not None
]


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology(ROOT / "build" / "terminology.sqlite")


def test_a_seed_gives_the_same_encounters_and_another_gives_others() -> None:
    few = Parameters(encounters=20)
    assert draw(few, 1) == draw(few, 1)
    assert draw(few, 1) != draw(few, 2)


@pytest.mark.parametrize("said", SAID, ids=lambda said: said.says)
def test_a_name_has_its_code_and_no_place_of_its_own(said: Said, terminology: Terminology) -> None:
    """What must not be missed is shown before the rest, which the drawn order does not know of."""
    codes = terminology.resolve(said.says).codes
    assert said.code in {each.code for each in codes if each.system == ICD_10_CM}
    assert must_not_miss(codes) is None


def test_a_truth_is_near_what_is_said_of_it_at_each_level_and_at_no_other() -> None:
    for complaint in complaints():
        codes = [each.code for each in complaint.diagnoses]
        for truth in complaint.truths:
            assert truth.at(MatchLevel.CATEGORY).code[:3] == truth.code[:3]
            assert truth.at(MatchLevel.RELATED).code[:3] not in {c[:3] for c in codes}
            assert sum(code[:3] == truth.code[:3] for code in codes) == 1


@pytest.mark.parametrize("votes", AGREEMENTS)
def test_samples_name_each_place_as_often_as_it_has_votes(votes: tuple[int, ...]) -> None:
    named = [place for sample in places_of_samples(votes) for place in sample]
    assert tuple(named.count(place) for place in range(len(votes))) == votes


def test_shares_of_what_is_drawn_are_those_that_are_built_in() -> None:
    """Within four standard errors: a wrong sum in `expected` is further away than that."""
    built_in = expected(MANY)
    for name, (hits, n) in counted(draw(MANY, 7)).items():
        error = math.sqrt(built_in[name] * (1 - built_in[name]) / n)
        assert abs(hits / n - built_in[name]) < 4 * error, name


def test_accuracy_falls_by_as_much_as_is_built_in() -> None:
    falling = replace(MANY, falls=0.15)
    since = [e for e in draw(falling, 3) if (e.asked - BEGIN).days >= falling.falls_on]
    hits, n = counted(since)["top-1, category"]
    wanted = expected(falling)["top-1, category"] - falling.falls
    assert abs(hits / n - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / n)
