"""What can go wrong with a verifier's file; messages name members, never what a chart says."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["VerifierError"]


class VerifierError(ChartsideError):
    """A file of coefficients or of fixed rules cannot be used, or not for this consultation."""

    code = "verifier-invalid"
    status = 500
