"""What can go wrong with training data; messages name files, lines and ids, never a text."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["TuningDataError"]


class TuningDataError(ChartsideError):
    """Training data cannot be used, or cannot be made; `where` is the file and the line."""

    code = "bad-tuning-data"
    status = 400
