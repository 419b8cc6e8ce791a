"""Settings of the inspector: what it keeps in memory, and for how long."""

from __future__ import annotations

from pydantic import Field

from cds_hooks.section import Section

__all__ = ["InspectorSettings"]


class InspectorSettings(Section):
    """The inspector: a page on which integrators fire hooks and see what became of each.

    What was fired is kept in memory alone, for the browser that fired it.
    """

    kept_s: float = Field(
        1800.0, gt=0, description="Seconds for which what was fired can be looked at."
    )
    sessions: int = Field(32, gt=0, description="Browsers for which something is kept.")
    per_session: int = Field(12, gt=0, description="Fired hooks that are kept for one browser.")
    max_bytes: int = Field(
        256 * 2**20, gt=0, description="Bytes that all that is kept takes together, about."
    )
    at_once: int = Field(4, gt=0, description="Hooks that it has open at one time.")
    patients_listed: int = Field(60, gt=0, description="Patients of one search that are listed.")
    server_s: float = Field(
        20.0, gt=0, description="Seconds that one read of a FHIR server may take."
    )
