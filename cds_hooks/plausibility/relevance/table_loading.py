"""Reading all tables of relevance at once, so that no chart waits for it."""

from __future__ import annotations

from cds_hooks.plausibility.relevance import (
    defining_results,
    hpo_signs,
    non_evidence,
    organ_systems,
    sign_table,
    system_signs,
)

__all__ = ["load_tables"]


def load_tables() -> None:
    """Read every table of relevance; further calls cost nothing. Raises RelevanceError with the
    path of the first thing that is wrong in one."""
    for part in (
        organ_systems,
        system_signs,
        non_evidence,
        sign_table,
        hpo_signs,
        defining_results,
    ):
        part.load()
