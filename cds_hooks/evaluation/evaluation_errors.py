"""What can go wrong with a measurement; messages name files, lines and ids, never what they say."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["MatrixError", "RunError", "SuiteError"]


class SuiteError(ChartsideError):
    """A suite, or a line of it, cannot be used; `where` is the file and the line."""

    code = "bad-suite"
    status = 400


class RunError(ChartsideError):
    """A run's files do not fit each other, or two runs cannot be compared."""

    code = "bad-run"
    status = 400


class MatrixError(ChartsideError):
    """A matrix file cannot be used, or its folder holds another matrix."""

    code = "bad-matrix"
    status = 400
