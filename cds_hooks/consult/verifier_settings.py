"""Settings of what chooses among the diagnoses of several samples."""

from __future__ import annotations

from pydantic import Field

from cds_hooks.section import Section

__all__ = ["VerifierSettings"]


class VerifierSettings(Section):
    """What is asked of a model about its own diagnoses."""

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
