"""Settings of the admission of models: the site's signed records, and what it requires."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cds_hooks.section import Section, Unset

__all__ = ["AdmissionSettings"]


class AdmissionSettings(Section):
    """The models that this site has admitted (docs/evaluation.md)."""

    folder: Annotated[Path | None, Unset] = Field(
        None, description="Folder of signed admission records (`chartside models admit`)."
    )
    public_key: Annotated[Path | None, Unset] = Field(
        None, description="The key (PEM) that must have signed them."
    )
    required: Literal["", "demonstration", "clinical"] = Field(
        "", description="The purpose for which the model must be admitted; empty: for none."
    )

    @model_validator(mode="after")
    def _records_are_checked_against_a_key(self) -> Self:
        if (self.folder is None) != (self.public_key is None):
            raise ValueError("folder and public_key belong together")
        if self.required and self.folder is None:
            raise ValueError("required needs folder and public_key")
        return self
