"""What a trial found: pure functions from cases to a report, and the report as a document."""

from cds_hooks.trial.report.make import report
from cds_hooks.trial.report.matching import CodeMatcher, Matcher
from cds_hooks.trial.report.report_settings import ReportSettings
from cds_hooks.trial.report.trial_report import TrialReport

__all__ = ["CodeMatcher", "Matcher", "ReportSettings", "TrialReport", "report"]
