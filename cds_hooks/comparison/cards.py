"""How cards differ in what a clinician sees. Ids are random, so they are not compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from cds_hooks.comparison.differences import Difference, differing, differing_lines
from cds_hooks.protocol.cards import Card

__all__ = ["card_differences"]


def card_differences(before: Sequence[Card], after: Sequence[Card]) -> tuple[Difference, ...]:
    """Each member of each card that differs, `cards[0].summary`; cards are paired by place."""
    found: list[Difference] = []
    for place, (one, two) in enumerate(zip_longest(before, after)):
        where = f"cards[{place}]"
        first, second = (dict(_members(where, card)) for card in (one, two))
        found += differing(first, second)
        found += differing_lines(f"{where}.detail", _detail(one), _detail(two))
    return tuple(found)


def _detail(card: Card | None) -> list[str]:
    return card.detail.splitlines() if card else []


def _members(where: str, card: Card | None) -> Iterator[tuple[str, str]]:
    if card is None:
        return
    yield f"{where}.summary", card.summary
    yield f"{where}.indicator", card.indicator
    yield f"{where}.source.label", card.source.label
    yield f"{where}.source.topic", card.source.topic.code if card.source.topic else ""
    yield f"{where}.suggestions", "\n".join(each.label for each in card.suggestions)
    yield f"{where}.selectionBehavior", card.selection_behavior or ""
    # The address of a consultation is random and new for each card.
    yield f"{where}.links", "\n".join(each.label for each in card.links)
    yield f"{where}.overrideReasons", "\n".join(each.display for each in card.override_reasons)
