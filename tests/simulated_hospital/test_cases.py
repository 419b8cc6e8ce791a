"""A report on the cases of the simulated hospital, without a service in between."""

from __future__ import annotations

import numpy as np
import pytest

from cds_hooks.trial.report import ReportSettings, TrialReport, report
from cds_hooks.trial.report.leaks import Leak
from tests.simulated_hospital.catalogue import matcher
from tests.simulated_hospital.counted import counted
from tests.simulated_hospital.encounters import Encounter, draw
from tests.simulated_hospital.expected import expected
from tests.simulated_hospital.parameters import Parameters
from tests.simulated_hospital.recovered import recovered
from tests.simulated_hospital.trial_cases import trial_cases

SOME = Parameters(encounters=500, leaks=5)


@pytest.fixture(scope="module")
def encounters() -> list[Encounter]:
    return draw(SOME, 11)


@pytest.fixture(scope="module")
def found(encounters: list[Encounter]) -> TrialReport:
    settings = ReportSettings(matcher=matcher(), resamples=20)
    return report(list(trial_cases(encounters)), settings, np.random.default_rng(1))


def test_the_report_comes_to_what_was_drawn_exactly(
    encounters: list[Encounter], found: TrialReport
) -> None:
    figures = recovered(found)
    for name, (hits, n) in counted(encounters).items():
        assert (round(figures[name].value * n), figures[name].n) == (hits, n), name


def test_every_built_in_figure_is_in_the_report(found: TrialReport) -> None:
    assert recovered(found).keys() == expected(SOME).keys()


def test_every_leak_is_found_and_nothing_else(found: TrialReport) -> None:
    assert found.leaks.cases == SOME.leaks
    assert found.leaks.by_kind[Leak.CHARTED_BEFORE] == 0


def test_each_encounter_is_counted_once(encounters: list[Encounter], found: TrialReport) -> None:
    covers = found.coverage
    again = sum(each.seen_again is not None for each in encounters)
    assert covers.consultations == len(encounters) + again
    charted = sum(each.charted is not None and not each.leaks for each in encounters)
    assert covers.with_outcome == charted
    assert covers.with_outcome + covers.without_outcome == len(encounters) - SOME.leaks
