"""Two fired hooks side by side."""

from __future__ import annotations

from typing import Any

from cds_hooks.comparison import Side, compare
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.inspector.inspector_errors import ChoiceIncomplete

__all__ = ["compared_values"]

_PARTS = {
    "basis": "What both rest on",
    "parts": "Prefetch keys",
    "omissions": "Left out, by reason",
    "rules": "Found by rules",
    "prompt": "Prompt",
    "outcome": "Outcome",
    "cards": "Cards",
}


def compared_values(before: Inspected, after: Inspected) -> dict[str, Any]:
    """What the page of a comparison shows. Raises ChoiceIncomplete while one has no answer."""
    found = compare(_side(before), _side(after))
    rows = {title: getattr(found, part) for part, title in _PARTS.items()}
    return {"before": before, "after": after, "found": found, "rows": rows}


def _side(fired: Inspected) -> Side:
    if fired.consultation is None:
        hint = "Open it, and wait until it has ended; then compare."
        message = "one of the two has no consultation to compare"
        raise ChoiceIncomplete(message, where="compare", hint=hint)
    cards = fired.answers[-1].response.cards if fired.answers else ()
    return Side(fired.consultation, cards)
