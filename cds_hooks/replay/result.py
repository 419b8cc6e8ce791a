"""What a replay found: each step, and whether everything that differs has a cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cds_hooks.comparison import Comparison, Side
from cds_hooks.replay.changes import Change

__all__ = ["SEEN", "Replayed", "Step", "Verdict"]

SEEN = ("rules", "outcome", "diagnoses", "cards")
"""Parts of a comparison that a person who reads the card or its page sees."""


class Verdict(StrEnum):
    """`EXPLAINED`: something differs, or would be asked otherwise, and each step has a cause."""

    SAME = "same"
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing exchanged for today's.

    `code` says which (rules, facts, model, sampling, cards, template). `causes` are what changed of
    it; `notes` what a reader should know. `comparison` is of the side before and the side after.
    """

    code: str
    causes: tuple[Change, ...]
    comparison: Comparison
    notes: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether a reader would see that it was exchanged."""
        return any(self.comparison.found[part] for part in SEEN)


@dataclass(frozen=True, slots=True)
class Replayed:
    """`recorded` and `today` are both ends. `open_changes` changed, and what they change is not
    known, as no model was asked."""

    recorded: Side
    today: Side
    steps: tuple[Step, ...]
    open_changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """Whether it is the same, differs for causes that are told, or differs for none."""
        differing = [step for step in self.steps if step.differs]
        if any(not step.causes for step in differing):
            return Verdict.UNEXPLAINED
        return Verdict.EXPLAINED if differing or self.open_changes else Verdict.SAME
