"""Which consultations are put into the review queue by themselves."""

from __future__ import annotations

from pydantic import Field

from cds_hooks.consultation import Outcome
from cds_hooks.section import Section

__all__ = ["ReviewSettings"]


class ReviewSettings(Section):
    """The queue of the reviewer's desk (docs/reviewers/reviewing.md)."""

    share: float = Field(
        0.0, ge=0, le=1, description="Share of consultations that chance puts into the queue."
    )
    outcomes: tuple[Outcome, ...] = Field(
        (), description="Outcomes that put every consultation into it (`invalid-output` ...)."
    )
