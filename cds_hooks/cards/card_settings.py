"""Settings of cards."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cds_hooks.cards.card_data import profiles
from cds_hooks.section import Section, one_of

__all__ = ["CardProfile", "CardSettings"]

CardProfile = Annotated[str, one_of(profiles())]


class CardSettings(Section):
    """What cards look like for the EHR that shows them."""

    profile: CardProfile = Field(
        "generic", description=f"Family of CDS clients: {', '.join(sorted(profiles()))}."
    )
    link_s: float = Field(
        86_400.0, ge=0, description="Seconds for which a card's link to its consultation opens."
    )
