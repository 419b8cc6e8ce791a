"""Settings of the terminology."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from cds_hooks.section import Section

__all__ = ["TerminologySettings"]


class TerminologySettings(Section):
    """The terminology that diagnoses are looked up in."""

    path: Path = Field(Path("build/terminology.sqlite"), description="The compiled terminology.")
