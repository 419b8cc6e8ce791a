"""How many cases a trial needs, told beforehand from the interval that it is to end with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

__all__ = ["TrialPlan", "cases_needed", "half_width", "plan"]

_Z = NormalDist().inv_cdf(0.975)
_GROUP = 0.1


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """`cases` with an outcome end in an interval of `width` to each side at most, if the share is
    `accuracy`. `cases` holds the design effect already, `consultations` are first hooks of an
    encounter in the trial, `days` how long hooks are taken, and `until_report` how long until the
    last outcome is in; both None where no number of hooks a day was given. `group_width` is the
    half width for a subgroup of a tenth of the cases."""

    width: float
    accuracy: float
    design_effect: float
    cases: int
    consultations: int
    days: int | None
    until_report: int | None
    group_width: float


def half_width(share: float, n: int) -> float:
    """Half the width of Wilson's 95 % interval for a share of `n` cases (E. B. Wilson, J Am Stat
    Assoc 1927;22:209-212)."""
    square = _Z * _Z
    return _Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)


def cases_needed(width: float, share: float) -> int:
    """The fewest cases whose Wilson 95 % interval reaches at most `width` to each side.

    The equation of W. W. Piegorsch, Comput Stat Data Anal 2004;46:309-316, solved by bisection: the
    half width only falls as n grows. Raises ValueError unless 0 < width < 0.5 and 0 <= share <= 1.
    """
    if not 0 < width < 0.5 or not 0 <= share <= 1:
        raise ValueError("a width is between 0 and 0.5, a share between 0 and 1")
    low, high = 0, 1
    while half_width(share, high) > width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if half_width(share, middle) > width:
            low = middle
        else:
            high = middle
    return high


def plan(
    width: float,
    *,
    accuracy: float = 0.5,
    with_outcome: float = 1.0,
    silent_share: float = 1.0,
    first_hooks: float = 1.0,
    hooks_per_day: float = 0.0,
    window_days: float = 30.0,
    cases_per_patient: float = 1.0,
    correlation: float = 0.0,
) -> TrialPlan:
    """The size and the length of a trial.

    `with_outcome` is the share of cases with an outcome, `silent_share` that of encounters in the
    trial, `first_hooks` that of hooks which are the first of their encounter. Where a patient has
    several cases, n grows by 1 + (m - 1) * correlation (A. Donner, N. Klar, Design and Analysis of
    Cluster Randomization Trials, 2000, section 5.1). Raises ValueError for shares outside 0 to 1,
    or of which nothing comes.
    """
    shares = (with_outcome, silent_share, first_hooks)
    if not all(0 < each <= 1 for each in shares) or not 0 <= correlation <= 1:
        raise ValueError("shares are above 0 and at most 1, a correlation is between 0 and 1")
    if cases_per_patient < 1 or hooks_per_day < 0 or window_days < 0:
        raise ValueError("a patient has at least one case; hooks and days are not negative")
    effect = 1 + (cases_per_patient - 1) * correlation
    cases = math.ceil(cases_needed(width, accuracy) * effect)
    consultations = math.ceil(cases / with_outcome)
    days = None
    if hooks_per_day:
        days = math.ceil(consultations / (hooks_per_day * silent_share * first_hooks))
    return TrialPlan(
        width=width,
        accuracy=accuracy,
        design_effect=effect,
        cases=cases,
        consultations=consultations,
        days=days,
        until_report=None if days is None else days + math.ceil(window_days),
        group_width=half_width(accuracy, max(round(cases / effect * _GROUP), 1)),
    )
