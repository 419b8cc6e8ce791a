"""The whole way: hooks, store, outcomes over FHIR, report. What is counted is what happened."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from cds_hooks.trial.collection import Collected
from cds_hooks.trial.outcomes.run import Followed
from tests.simulated_hospital.encounters import Encounter, draw
from tests.simulated_hospital.following import collected, follow_up
from tests.simulated_hospital.parameters import Parameters
from tests.simulated_hospital.recovered import recovered
from tests.simulated_hospital.service import trial_service
from tests.simulated_hospital.simulation import differences, reported

SMALL = Parameters(encounters=18, leaks=3, returning=0.0, reopened=0.2)


@dataclass(frozen=True)
class Trial:
    """What became of the encounters."""

    encounters: list[Encounter]
    hooks: int
    asked: dict[int, int]
    followed: Followed
    found: Collected


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return asyncio.run(_whole_trial(tmp_path_factory.mktemp("trial")))


async def _whole_trial(folder: Path) -> Trial:
    encounters = draw(SMALL, 5)
    async with trial_service(folder, encounters) as played:
        hooks = await played.play(encounters)
        followed = await follow_up(played, encounters)
        found = await collected(played)
        return Trial(encounters, hooks, played.model.asked, followed, found)


def test_each_encounter_is_one_case_and_each_hook_is_counted(trial: Trial) -> None:
    again = sum(each.seen_again is not None for each in trial.encounters)
    assert again > 0
    assert trial.found.hooks == trial.hooks == len(trial.encounters) + again
    assert (trial.found.unread, trial.found.erased) == (0, 0)
    assert len({case.encounter for case in trial.found.cases}) == len(trial.encounters)
    assert {case.ended for case in trial.found.cases} <= {"answered", "empty-differential"}
    assert all(case.silent for case in trial.found.cases)


def test_the_model_was_asked_once_about_each(trial: Trial) -> None:
    assert trial.asked == {each.number: 1 for each in trial.encounters}


def test_what_was_charted_is_the_outcome_and_what_was_known_is_none(trial: Trial) -> None:
    by_time = {each.asked: each for each in trial.encounters}
    first = [case for case in trial.found.cases if case.asked in by_time]
    assert len(first) == len(trial.encounters)
    for case in first:
        encounter = by_time[case.asked]
        truth = [encounter.truth.code] if encounter.charted else []
        assert [each.code for each in case.outcomes or ()] == truth
        assert case.outcomes is not None
        if encounter.charted is not None:
            gap = case.outcomes[0].charted - encounter.charted
            assert abs(gap.total_seconds()) < 1
    assert trial.followed.passed_over["known-in-chart"] > 0
    assert set(trial.followed.states) == {"read"}


def test_the_report_comes_to_what_was_drawn_exactly(trial: Trial) -> None:
    report = reported(trial.found.cases, 1, resamples=20)
    assert differences(recovered(report), trial.encounters) == []
    assert report.leaks.cases == SMALL.leaks
    assert report.coverage.patients == len(trial.encounters)
