"""What the egress lock raises."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["DestinationInvalid", "EgressRefused"]


class EgressRefused(ChartsideError, PermissionError):
    """A way out that is not on the list. Also an OSError, which network code expects."""

    code = "egress-refused"
    status = 500

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class DestinationInvalid(ChartsideError, ValueError):
    """A text that names no destination, or one that must never be spoken to."""

    code = "destination-invalid"
    status = 400
