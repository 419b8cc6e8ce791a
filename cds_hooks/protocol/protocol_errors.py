"""What can be wrong on the wire: each with a stable code, told by path and never by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cds_hooks.errors import ChartsideError

__all__ = [
    "AnswerInvalid",
    "BodyTooDeep",
    "BodyTooLarge",
    "BodyTooManyParts",
    "BodyUnreadable",
    "FeedbackInvalid",
    "FieldProblem",
    "HookMismatch",
    "RequestInvalid",
]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with a body: `path` from its root, `kind` a FHIR IssueType, `text` ours."""

    path: str
    kind: Literal["required", "value", "structure", "incomplete"]
    text: str


class BodyUnreadable(ChartsideError):
    """The body is not one JSON object (RFC 8259, UTF-8)."""

    code = "body-not-json"
    status = 400
    issue = "structure"


class BodyTooDeep(ChartsideError):
    """Arrays and objects are nested deeper than any CDS Hooks request needs."""

    code = "body-too-deep"
    status = 400
    issue = "too-costly"


class BodyTooManyParts(ChartsideError):
    """So many arrays and objects that reading them would take too much memory."""

    code = "body-too-many-parts"
    status = 400
    issue = "too-costly"


class BodyTooLarge(ChartsideError):
    """More bytes than the configured limit."""

    code = "body-too-large"
    status = 413
    issue = "too-long"


class RequestInvalid(ChartsideError):
    """Fields are missing or of the wrong type; `problems` names every one of them."""

    code = "request-invalid"
    status = 400
    issue = "structure"

    def __init__(self, problems: Sequence[FieldProblem], *, hint: str = "") -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(first.text + more, where=first.path, hint=hint)
        self.problems = tuple(problems)


class FeedbackInvalid(RequestInvalid):
    """Not one entry of the feedback can be used."""

    code = "feedback-invalid"


class HookMismatch(ChartsideError):
    """The request is for another hook than the service it was sent to."""

    code = "hook-mismatch"
    status = 400
    issue = "value"


class AnswerInvalid(ChartsideError):
    """Our own answer breaks our schema, so it must not leave."""

    code = "answer-invalid"
    status = 500
    issue = "exception"
