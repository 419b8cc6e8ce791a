"""What clinicians said of the diagnoses of a consultation."""

from __future__ import annotations

from collections.abc import Mapping

from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement, judgement_of

__all__ = ["judgements_on"]


def judgements_on(entries: tuple[FeedbackEntry, ...]) -> Mapping[int, Judgement]:
    """The last judgement of each place, from the page and from a card's override reasons."""
    found: dict[int, Judgement] = {}
    for entry in entries:
        by_card = judgement_of(entry.override_reason)
        for each in (*entry.judgements, *((by_card,) if by_card else ())):
            found[each.place] = each
    return found
