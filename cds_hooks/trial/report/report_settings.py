"""How a trial's report is made: what counts as right, what is too few to tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cds_hooks.statistics.suppression import CMS_SMALLEST
from cds_hooks.trial.cases import Code, MatchLevel
from cds_hooks.trial.report.matching import CodeMatcher, Matcher

__all__ = ["RANKS", "ReportSettings"]

RANKS = (1, 3, 5)
"""The k of "right within the first k"."""


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """`level` is the match level of every figure that has no column for levels. `least` is the
    smallest count that is told of a subgroup or a rule; `resamples` how often the bootstrap draws
    patients; `bins` how many ranges a reliability table has.

    `hooks` is how many hooks the service answered in the period, None where nobody counted them.
    `rules` are the codes of each rule of the service, so that a rule that never fired is seen to
    miss; rules that fired are added.
    """

    matcher: Matcher = field(default_factory=CodeMatcher)
    level: MatchLevel = MatchLevel.CATEGORY
    least: int = CMS_SMALLEST
    resamples: int = 1000
    bins: int = 10
    hooks: int | None = None
    rules: Mapping[str, Collection[Code]] = field(default_factory=dict)
