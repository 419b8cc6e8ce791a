"""How the store tells silent consultations of a trial from those that are shown.

By the format of their payload: it stands in clear in its column, so that queries leave them out,
and it is authenticated with the payload, so that nobody who can write into the database makes a
silent consultation one that is shown.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement

from cds_hooks.audit import tables

__all__ = ["SILENT", "is_silent_format", "of_trial"]

SILENT = "silent-"
"""How such a format begins."""


def is_silent_format(payload_format: str) -> bool:
    """Whether a payload of this format is a silent consultation."""
    return payload_format.startswith(SILENT)


def of_trial(*, silent: bool) -> ColumnElement[bool]:
    """The condition of consultations that are silent, or of those that are not."""
    found = tables.consultations.c.payload_format.startswith(SILENT, autoescape=True)
    return found if silent else ~found
