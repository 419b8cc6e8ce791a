"""The cards of a response as one client shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from cds_hooks.console.ehr_views.clients import Client, clients, fires
from cds_hooks.console.ehr_views.displayed_cards import Remark, ShownCard, members, shown_card
from cds_hooks.console.ehr_views.markdown import card_html
from cds_hooks.console.ehr_views.rules import RULES, Known, system_actions

__all__ = ["ClientView", "RenderedCard", "client_view", "client_views"]

_URGENCY = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class RenderedCard:
    """A card with its detail as HTML and where the client puts it; `remarks` are about it."""

    card: ShownCard
    html: Markup
    placement: str
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class ClientView:
    """What one client makes of a response. `fires` says whether it can fire the hook at all;
    `remarks` are about no single card."""

    client: Client
    fires: bool
    fires_words: str
    cards: tuple[RenderedCard, ...]
    remarks: tuple[Remark, ...]

    @property
    def all_remarks(self) -> tuple[Remark, ...]:
        """Every remark, those on the response first."""
        return (*self.remarks, *(each for card in self.cards for each in card.remarks))


def client_views(
    document: Mapping[str, Any], *, hook: str = "", known_hosts: Known = None
) -> tuple[ClientView, ...]:
    """The same response as every client that is known shows it."""
    return tuple(
        client_view(document, name, hook=hook, known_hosts=known_hosts) for name in clients()
    )


def client_view(
    document: Mapping[str, Any], client: str, *, hook: str = "", known_hosts: Known = None
) -> ClientView:
    """A response (JSON, as `protocol.json_output.to_document` gives it) as a client shows it.

    `known_hosts` are hosts whose links are registered with the client; None where nobody knows,
    when links stay and a remark says what may become of them. Raises KeyError for a client that
    `clients.toml` does not have.
    """
    known = clients()[client]
    can, words = fires(known, hook)
    rendered = [_rendered(each, known, known_hosts) for each in _cards(document)]
    if known.order == "indicator":
        rendered.sort(key=lambda each: _URGENCY[each.card.indicator])
    told = (r for rule in known.rules if rule.rule == "system-actions"
            for r in system_actions(document, rule))  # fmt: skip
    return ClientView(known, can, words, tuple(rendered), tuple(told))


def _cards(document: Mapping[str, Any]) -> list[ShownCard]:
    return [shown_card(raw, where) for where, raw in members(document, "cards", "")]


def _rendered(card: ShownCard, client: Client, known: Known) -> RenderedCard:
    remarks: list[Remark] = []
    rules = {rule.rule: rule for rule in client.rules}
    for name, step in RULES.items():
        if name in rules and not card.refused:
            card, told = step(card, rules[name], known)
            remarks += told
    html = card_html(card.detail, as_text=card.as_text)
    return RenderedCard(card, html, client.placement[card.indicator], tuple(remarks))
