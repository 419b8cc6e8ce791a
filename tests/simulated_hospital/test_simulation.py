"""What is said of many runs, and the alarm when the accuracy falls."""

from __future__ import annotations

from dataclasses import replace

from tests.simulated_hospital.coverage import covered, table
from tests.simulated_hospital.encounters import BEGIN, draw
from tests.simulated_hospital.parameters import Parameters
from tests.simulated_hospital.simulation import alarms
from tests.simulated_hospital.trial_cases import trial_cases

STEADY = Parameters(encounters=600)
EVERY = 10


def run(*covers: bool) -> dict[str, object]:
    figure = {"built_in": 0.5, "n": 10}
    return {
        "figures": {f"figure {n}": {**figure, "covers": held} for n, held in enumerate(covers)},
        "encounters": 10,
        "seconds": 1.0,
        "leaks_found": 1,
        "leaks_planted": 1,
        "differs": [],
        "alarms": [],
        "alarms_of_drift": [22],
    }


def test_each_figure_is_counted_apart_and_eighteen_of_twenty_are_enough() -> None:
    runs = [run(number < 18, number < 17) for number in range(20)]
    found = covered(runs)
    assert [(each.covers, each.runs, each.enough) for each in found] == [
        (18, 20, True),
        (17, 20, False),
    ]
    told = table(runs).splitlines()
    assert "18/20" in told[1]
    assert told[2].endswith("too few")
    assert "leaks found: 20/20" in told


def test_drift_is_told_where_the_accuracy_falls_and_not_where_it_stays() -> None:
    falling = replace(STEADY, falls=0.3)
    assert alarms(list(trial_cases(draw(falling, 1))), falling, BEGIN, EVERY)
    assert not alarms(list(trial_cases(draw(STEADY, 1))), STEADY, BEGIN, EVERY)
