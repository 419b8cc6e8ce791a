"""How strongly a finding speaks for, or against, a disease."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Strength"]


class Strength(StrEnum):
    """From strongest to weakest."""

    STRONG = "strong"
    MODERATE = "moderate"
    WEAK = "weak"

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return list(Strength).index(self)
