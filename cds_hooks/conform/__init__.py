"""Whether any CDS Hooks service does what CDS Hooks 2.0.1 asks: checks from outside, over HTTP.

Checks are pure functions of exchanges; `plan` says what to send next, `edge` sends it. The patient
is synthetic. Nothing of the service's own code is used to judge it.
"""

from cds_hooks.conform.edge import Sender
from cds_hooks.conform.plan import plan
from cds_hooks.conform.probe import Target
from cds_hooks.conform.report import ALL_SERVICES, as_document, as_junit, failure_lines
from cds_hooks.conform.results import Report, Result, record
from cds_hooks.conform.tokens import Caller

__all__ = [
    "ALL_SERVICES",
    "Caller",
    "Report",
    "Result",
    "Sender",
    "Target",
    "as_document",
    "as_junit",
    "failure_lines",
    "plan",
    "record",
]
