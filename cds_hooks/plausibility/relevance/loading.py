"""Reading all tables of relevance at once, so that no chart waits for it."""

from __future__ import annotations

from cds_hooks.plausibility.relevance import definition, rare, signs, systems, table, uninformative

__all__ = ["load_tables"]


def load_tables() -> None:
    """Read every table of relevance; further calls cost nothing. Raises RelevanceError with the
    path of the first thing that is wrong in one."""
    for part in (systems, signs, uninformative, table, rare, definition):
        part.load()
