"""What can be wrong with a trial's files and decisions."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["DecisionRefused", "DecisionUntrusted", "ReportUnusable"]


class ReportUnusable(ChartsideError):
    """A report's file cannot be read, was altered, or is of another release."""

    code = "trial-report-unusable"
    status = 400


class DecisionRefused(ChartsideError):
    """A decision that the report does not carry; the hint names the option that overrides it."""

    code = "trial-decision-refused"
    status = 409


class DecisionUntrusted(ChartsideError):
    """A recorded decision that nobody who is trusted signed as it stands."""

    code = "trial-decision-untrusted"
    status = 400
