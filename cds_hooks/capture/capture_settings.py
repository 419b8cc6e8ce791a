"""Settings of capturing calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from cds_hooks.section import Section, Unset

__all__ = ["CaptureSettings"]


class CaptureSettings(Section):
    """Calls written as files, to be tried again (docs/integrators/capture-and-replay.md)."""

    folder: Annotated[Path | None, Unset] = Field(
        None, description="Folder that calls and their answers are written to; unset: none are."
    )
    redact: bool = Field(
        True, description="Without names, identifiers and free text; false needs a reason."
    )
    reason: str = Field(
        "", description="Why calls are captured; needed in production. The ledger records it."
    )
    files: int = Field(1000, ge=1, le=1_000_000, description="Files past which none is written.")
    megabytes: int = Field(500, ge=1, le=1_000_000, description="The same in MiB of all files.")
