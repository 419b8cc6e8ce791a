"""Settings of the verifier, which ranks the diagnoses of several samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from cds_hooks.section import Section, Unset

__all__ = ["VerifierSettings"]


class VerifierSettings(Section):
    """What ranks the diagnoses of several samples, and what the models are asked of them."""

    file: Annotated[Path | None, Unset] = Field(
        None,
        description="File of coefficients (`chartside verifier fit`) that ranks the diagnoses; "
        "unset: none. In production its SHA-256 must be in the model's admission record.",
    )
    fixed_rules: bool = Field(
        False, description="Rank by the shipped rules, without training and probabilities."
    )

    self_evaluation: bool = Field(
        False,
        description="Ask the same model, after its samples and in one batch, whether each of its "
        "first diagnoses is right.",
    )
    questions: int = Field(
        5, ge=1, le=8, description="About so many diagnoses it is asked, the first of the list."
    )
    share: float = Field(
        0.2,
        gt=0,
        le=2,
        description="The most time that this may take, as a share of what the samples took; when "
        "it runs out, or the deadline comes, the answer goes without.",
    )

    @model_validator(mode="after")
    def _one_ranks(self) -> Self:
        if self.file is not None and self.fixed_rules:
            raise ValueError("file and fixed_rules exclude each other")
        return self
