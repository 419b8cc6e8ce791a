"""How the service is doing, in numbers: what was recorded is counted once, and told without naming
or singling out a patient."""

from cds_hooks.statistics.keeper import StatisticsKeeper, count_all
from cds_hooks.statistics.period import CHOICES, Period
from cds_hooks.statistics.report import Report, make_report
from cds_hooks.statistics.reports import ChoiceUnknown, CountedReport, StatisticsReports

__all__ = [
    "CHOICES",
    "ChoiceUnknown",
    "CountedReport",
    "Period",
    "Report",
    "StatisticsKeeper",
    "StatisticsReports",
    "count_all",
    "make_report",
]
