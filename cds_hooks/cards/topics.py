"""Topic codes of cards. They never change: clients remember overrides by them."""

from __future__ import annotations

__all__ = [
    "CHART_CONFLICTS",
    "CHART_FINDINGS",
    "DIFFERENTIAL",
    "PROBLEM_CHECK",
    "STATUS",
    "TOPICS",
]

CHART_FINDINGS = "chartsideChartFindings"
CHART_CONFLICTS = "chartsideChartConflicts"
DIFFERENTIAL = "chartsideDifferential"
STATUS = "chartsideStatus"
PROBLEM_CHECK = "chartsideProblemCheck"

TOPICS = (CHART_FINDINGS, CHART_CONFLICTS, DIFFERENTIAL, STATUS, PROBLEM_CHECK)
"""All of them."""
