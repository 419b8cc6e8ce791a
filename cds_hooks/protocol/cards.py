"""The answer on the wire: cards, suggestions, actions and links (CDS Hooks 2.0.1).

Field names are Python's here and the specification's in `wire.to_json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Action", "Card", "Coding", "Link", "Response", "Source", "Suggestion"]


@dataclass(frozen=True, slots=True)
class Coding:
    """`code` and `system` are required by the specification, `display` for override reasons."""

    code: str
    system: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Who says it: `url` and `icon` are absolute, `topic` is static for one kind of card."""

    label: str
    url: str = ""
    icon: str = ""
    topic: Coding | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """`resource` for create (and the whole of it for update), `resource_id` for delete."""

    type: Literal["create", "update", "delete"]
    description: str
    resource: Mapping[str, Any] | None = None
    resource_id: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    label: str
    uuid: str = ""
    is_recommended: bool | None = None
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """`app_context` is only for `smart` links."""

    label: str
    url: str
    type: Literal["absolute", "smart"] = "absolute"
    app_context: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """`summary` is one sentence under 140 characters; `detail` is GitHub Flavored Markdown."""

    summary: str
    indicator: Literal["info", "warning", "critical"]
    source: Source
    uuid: str = ""
    detail: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: Literal["at-most-one", "any"] | None = None
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()
    extension: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What a service answers; no cards is an answer too."""

    cards: tuple[Card, ...] = ()
    extension: Mapping[str, Any] | None = None
