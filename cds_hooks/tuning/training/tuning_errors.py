"""What can go wrong with a fine-tuning run; messages name files, lines, tensors and ids."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["TuningError"]


class TuningError(ChartsideError):
    """A run that cannot be made, or whose adapter is not what was trained; `code` is set each.

    Codes: tune-extra-missing, tune-base-unusable, tune-examples-unusable, tune-checkpoint-foreign,
    tune-adapter-differs, tune-architecture-unknown, tune-recipe-invalid.
    """

    status = 400

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.code = code
