"""Settings of the documents for reviewers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from cds_hooks.section import Section, Unset

__all__ = ["DocumentsSettings"]


class DocumentsSettings(Section):
    """What `chartside export` cannot know by itself (docs/reviewers/documents.md)."""

    operator_file: Annotated[Path | None, Unset] = Field(
        None, description="TOML file with the site's own answers (`chartside export describe`)."
    )
    evaluations: Annotated[Path | None, Unset] = Field(
        None, description="Folder with the folders of runs (`chartside eval run --output`)."
    )
