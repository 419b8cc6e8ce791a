"""The OperationOutcome of an error: codes, paths and what to do next, never a value.

The specification leaves the body of an error to the service; a FHIR OperationOutcome is what its
3.0 draft asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.protocol_errors import FieldProblem, RequestInvalid

__all__ = ["CODE_SYSTEM", "Issue", "OperationOutcome", "outcome_of", "outcome_of_problems"]

CODE_SYSTEM = "urn:chartside:code"
"""The system of our error codes in `details.coding`."""

_MOST = 20  # issues in one answer: a broken client sends thousands of bad entries


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue. `kind` is a FHIR IssueType, `code` one of ours, `path` where in the request."""

    severity: Literal["error", "warning", "information"]
    kind: str
    code: str
    text: str
    path: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class OperationOutcome:
    """An OperationOutcome to be."""

    issues: tuple[Issue, ...]


def outcome_of(error: ChartsideError) -> OperationOutcome:
    """What to tell the client about an error."""
    if isinstance(error, RequestInvalid):
        return OperationOutcome(_issues(error.problems, error.code, "error"))
    issue = Issue("error", error.issue, error.code, error.message, error.where, error.hint)
    return OperationOutcome((issue,))


def outcome_of_problems(recorded: int, problems: Iterable[FieldProblem]) -> OperationOutcome:
    """What to tell a client whose feedback was taken: how much of it, and what could not be."""
    done = Issue("information", "informational", "feedback-recorded", f"entries taken: {recorded}")
    return OperationOutcome((done, *_issues(problems, "feedback-incomplete", "warning")))


def _issues(
    problems: Iterable[FieldProblem], code: str, severity: Literal["error", "warning"]
) -> tuple[Issue, ...]:
    found = [Issue(severity, p.kind, code, f"{p.path} {p.text}", p.path) for p in problems]
    if len(found) > _MOST:
        rest = Issue(severity, "incomplete", code, f"{len(found) - _MOST} more problems")
        found = [*found[:_MOST], rest]
    return tuple(found)
