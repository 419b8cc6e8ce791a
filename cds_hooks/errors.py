"""One base error: a stable code, an HTTP status, and what to do next.

Messages name paths and ids, never a value from a chart or from a request.
"""

from __future__ import annotations

__all__ = ["ChartsideError"]


class ChartsideError(Exception):
    """Base of every error this service raises on purpose.

    `code` is stable and kebab-case; `status` is the HTTP status it maps to; `issue` is the FHIR
    IssueType of the OperationOutcome; `where` is a path or an id; `hint` says what to do next.
    """

    code = "internal"
    status = 500
    issue = "exception"

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def diagnostics(self) -> str:
        """One line for a person: code, what happened, where, what to do next."""
        where = f" at {self.where}" if self.where else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.code}: {self.message}{where}.{hint}"
