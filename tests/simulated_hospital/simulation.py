"""One run of the simulated hospital: what was built in, what was drawn, and what the report says.

Every figure is looked at alone: whether its 95 % interval holds the share that was built in. Which
figures these are is what `expected` names, and was settled before the first run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from cds_hooks.figures import Figure
from cds_hooks.trial.cases import TrialCase
from cds_hooks.trial.drift import drift, drifted
from cds_hooks.trial.report import ReportSettings, TrialReport, report
from cds_hooks.trial.report.key_figures import KeyFigure, key_figures
from tests.simulated_hospital.catalogue import matcher
from tests.simulated_hospital.counted import counted
from tests.simulated_hospital.encounters import Encounter
from tests.simulated_hospital.expected import expected
from tests.simulated_hospital.parameters import Parameters
from tests.simulated_hospital.recovered import recovered

__all__ = ["Run", "alarms", "differences", "made", "reported"]

_LOOKS = 2
"""Days between two looks at the drift."""

_ROUGH = 50


@dataclass
class Run:
    """`through` the "service" or from "cases" alone. `figures` holds of each figure its value, n,
    interval and what was built in; `differs` names figures whose value is not what was drawn.
    `alarms` are the days on which drift was told where there is none, `alarms_of_drift` where the
    accuracy fell by 15 points on day 20."""

    seed: int
    through: str
    encounters: int
    hooks: int = 0
    consultations: int = 0
    seconds: float = 0.0
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    differs: list[str] = field(default_factory=list)
    leaks_planted: int = 0
    leaks_found: int = 0
    alarms: list[int] = field(default_factory=list)
    alarms_of_drift: list[int] | None = None

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def reported(cases: Sequence[TrialCase], seed: int, resamples: int = 1000) -> TrialReport:
    """The report on the cases, by the hospital's own table of related codes."""
    settings = ReportSettings(matcher=matcher(), resamples=resamples)
    return report(cases, settings, np.random.default_rng(seed))


def made(
    run: Run, cases: Sequence[TrialCase], encounters: Sequence[Encounter], parameters: Parameters
) -> Run:
    """The run with all that a report on its cases shows."""
    found = reported(cases, run.seed)
    figures, built_in = recovered(found), expected(parameters)
    left_out = {name for name in built_in if name.startswith("seconds")}
    for name in built_in.keys() - (left_out if run.through == "service" else set()):
        if name in figures:
            run.figures[name] = _compared(figures[name], built_in[name])
    run.consultations = found.coverage.consultations
    run.differs = differences(figures, encounters)
    run.leaks_planted = _leaking(run, encounters)
    run.leaks_found = found.leaks.cases
    run.alarms = alarms(cases, parameters, encounters[0].asked)
    return run


def _leaking(run: Run, encounters: Sequence[Encounter]) -> int:
    """Cases with a leak: a chart that is opened again is another case, and leaks again, but in the
    service has the answer of the first."""
    again = run.through == "cases"
    return sum(1 + (again and each.seen_again is not None) for each in encounters if each.leaks)


def _compared(figure: Figure, built_in: float) -> dict[str, Any]:
    return {
        "value": figure.value,
        "n": figure.n,
        "low": figure.low,
        "high": figure.high,
        "built_in": built_in,
        "covers": figure.low <= built_in <= figure.high,
    }


def differences(figures: Mapping[str, Figure], encounters: Sequence[Encounter]) -> list[str]:
    """The figures whose value or n is not what was drawn: there must be none."""
    told = {name: (each.n, each.value) for name, each in figures.items() if each.n}
    return [
        name
        for name, (hits, n) in counted(encounters).items()
        if name in told and (told[name][0], round(told[name][1] * n)) != (n, hits)
    ]


def alarms(
    cases: Sequence[TrialCase], parameters: Parameters, first: datetime, every: int = _LOOKS
) -> list[int]:
    """The days after `falls_on` on which a look at all cases since then told drift, compared with
    the days before; one looks `every` so many days, `first` is when the first chart was opened."""
    begin = first.replace(hour=0, minute=0, second=0, microsecond=0)
    since = begin + timedelta(days=parameters.falls_on)
    before = _key_figures([each for each in cases if each.asked < since])
    found = []
    for day in range(parameters.falls_on + every, parameters.days + 1, every):
        until = begin + timedelta(days=day)
        now = _key_figures([each for each in cases if since <= each.asked < until])
        if drifted(drift(before, now)):
            found.append(day)
    return found


def _key_figures(cases: Sequence[TrialCase]) -> tuple[KeyFigure, ...]:
    return key_figures(reported(cases, 0, _ROUGH))
