"""Two fired hooks side by side."""

from __future__ import annotations

from cds_hooks.comparison import Comparison, Side, compare
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.inspector.inspector_errors import ChoiceIncomplete

__all__ = ["compared"]


def compared(before: Inspected, after: Inspected) -> Comparison:
    """What differs. Raises ChoiceIncomplete while one of them has no answer."""
    return compare(_side(before), _side(after))


def _side(fired: Inspected) -> Side:
    if fired.consultation is None:
        hint = "Open it, and wait until it has ended; then compare."
        message = "one of the two has no consultation to compare"
        raise ChoiceIncomplete(message, where="compare", hint=hint)
    cards = fired.answers[-1].response.cards if fired.answers else ()
    return Side(fired.consultation, cards)
