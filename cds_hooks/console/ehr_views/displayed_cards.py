"""A card as a client shows it, and remarks on what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cds_hooks.console.ehr_views.clients import Effect

__all__ = [
    "Remark",
    "ShownCard",
    "ShownLink",
    "ShownSuggestion",
    "members",
    "shown_card",
    "text_of",
]

Indicator = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Remark:
    """What a client does with one element: `where` is its path in the response."""

    rule: str
    effect: Effect
    where: str
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class ShownSuggestion:
    """`text` is what is on the screen; `actions` are pairs of type and description."""

    where: str
    text: str
    raw: Mapping[str, Any]
    actions: tuple[tuple[str, str], ...] = ()
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class ShownLink:
    """`text` is what is on the screen; `smart` links start an app."""

    where: str
    text: str
    url: str
    smart: bool


@dataclass(frozen=True, slots=True)
class ShownCard:
    """One card. `refused`: the client shows nothing of it. `as_text`: the detail is no Markdown."""

    where: str
    indicator: Indicator
    summary: str
    source: str
    source_url: str
    detail: str
    suggestions: tuple[ShownSuggestion, ...]
    links: tuple[ShownLink, ...]
    reasons: tuple[str, ...]
    selection: str
    raw: Mapping[str, Any]
    refused: bool = False
    as_text: bool = False


def shown_card(card: Mapping[str, Any], where: str) -> ShownCard:
    """A card of a response as the specification has it; what is not as it asks is left out."""
    said = text_of(card, "indicator")
    indicator: Indicator = said if said in ("critical", "warning") else "info"  # type: ignore[assignment]
    source = card.get("source")
    source = source if isinstance(source, dict) else {}
    reasons = (text_of(each, "display") for _, each in members(card, "overrideReasons", where))
    return ShownCard(
        where=where,
        indicator=indicator,
        summary=text_of(card, "summary"),
        source=text_of(source, "label"),
        source_url=text_of(source, "url"),
        detail=text_of(card, "detail"),
        suggestions=tuple(_suggestion(s, at) for at, s in members(card, "suggestions", where)),
        links=tuple(_link(each, at) for at, each in members(card, "links", where)),
        reasons=tuple(each for each in reasons if each),
        selection=text_of(card, "selectionBehavior"),
        raw=card,
    )


def _suggestion(raw: Mapping[str, Any], where: str) -> ShownSuggestion:
    actions = tuple(
        (text_of(each, "type"), text_of(each, "description"))
        for _, each in members(raw, "actions", where)
    )
    recommended = raw.get("isRecommended") is True
    return ShownSuggestion(where, text_of(raw, "label"), raw, actions, recommended)


def _link(raw: Mapping[str, Any], where: str) -> ShownLink:
    smart = raw.get("type") == "smart"
    return ShownLink(where, text_of(raw, "label"), text_of(raw, "url"), smart)


def members(
    raw: Mapping[str, Any], name: str, where: str
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The objects in an array with their paths; whatever else is there is left out."""
    listed = raw.get(name)
    found = listed if isinstance(listed, list) else []
    prefix = f"{where}.{name}" if where else name
    return tuple(
        (f"{prefix}[{place}]", each) for place, each in enumerate(found) if isinstance(each, dict)
    )


def text_of(raw: Mapping[str, Any], name: str) -> str:
    """A text, "" where there is none."""
    value = raw.get(name)
    return value if isinstance(value, str) else ""
