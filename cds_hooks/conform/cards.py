"""Checks of a response: its cards and its system actions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cds_hooks.conform.shapes import Problem, absolute_url, brief, coding_problems, is_text
from cds_hooks.conform.suggestions import action_problems, suggestion_problems

__all__ = ["CARD_CHECKS", "response_problems"]

_INDICATORS = ("info", "warning", "critical")
_LONGEST_SUMMARY = 139
_TAG = re.compile(r"<(?:[a-zA-Z][^<>]*|/[a-zA-Z][^<>]*|!--)>?")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

CARD_CHECKS = (
    "card-object", "card-summary", "card-indicator", "card-source", "card-source-urls",
    "card-uuid", "card-uuid-present", "card-detail", "card-detail-html", "card-selection-behavior",
    "card-suggestions", "card-recommended", "card-actions", "card-links", "card-app-context",
    "card-override-reasons", "card-extension",
)  # fmt: skip


def response_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """All that is wrong with the cards and system actions of a response."""
    cards = document.get("cards")
    found = cards if isinstance(cards, list) else []
    for place, card in enumerate(found):
        where = f"cards[{place}]"
        if isinstance(card, dict):
            yield from _card(card, where)
        else:
            yield Problem("card-object", type(card).__name__, where)
    yield from _same_ids(found)
    yield from _system_actions(document)
    if "extension" in document and not isinstance(document["extension"], dict):
        yield Problem("card-extension", type(document["extension"]).__name__, "extension")


def _same_ids(cards: list[Any]) -> Iterator[Problem]:
    ids = Counter(
        str(card["uuid"]) for card in cards if isinstance(card, dict) and is_text(card.get("uuid"))
    )
    for name, count in ids.items():
        if count > 1:
            yield Problem("card-uuid", f"{brief(name)} {count} times", "cards")


def _system_actions(document: Mapping[str, Any]) -> Iterator[Problem]:
    if "systemActions" not in document:
        return
    actions = document["systemActions"]
    if not isinstance(actions, list):
        yield Problem("system-actions", type(actions).__name__, "systemActions")
        return
    for place, action in enumerate(actions):
        for said in action_problems(action, described=False):
            yield Problem("system-actions", said, f"systemActions[{place}]")


def _card(card: Mapping[str, Any], where: str) -> Iterator[Problem]:
    yield from _head(card, where)
    yield from _source(card.get("source"), f"{where}.source")
    yield from _detail(card, where)
    yield from suggestion_problems(card, where)
    yield from _links(card.get("links", []), f"{where}.links")
    yield from _override_reasons(card.get("overrideReasons", []), f"{where}.overrideReasons")
    if "extension" in card and not isinstance(card["extension"], dict):
        yield Problem("card-extension", type(card["extension"]).__name__, f"{where}.extension")


def _head(card: Mapping[str, Any], where: str) -> Iterator[Problem]:
    summary = card.get("summary")
    if not is_text(summary):
        yield Problem("card-summary", f"summary: {brief(summary)}", where)
    elif len(str(summary)) > _LONGEST_SUMMARY:
        yield Problem("card-summary", f"{len(str(summary))} characters", where)
    if card.get("indicator") not in _INDICATORS:
        yield Problem("card-indicator", brief(card.get("indicator")), where)
    if "uuid" not in card:
        yield Problem("card-uuid-present", "no uuid", where)
    elif not is_text(card["uuid"]):
        yield Problem("card-uuid", brief(card["uuid"]), where)


def _source(source: Any, where: str) -> Iterator[Problem]:
    if not isinstance(source, dict) or not is_text(source.get("label")):
        yield Problem("card-source", brief(source), where)
        return
    for name in ("url", "icon"):
        if name in source and not absolute_url(source[name]):
            yield Problem("card-source-urls", brief(source[name]), f"{where}.{name}")
    if "topic" in source and (lacks := coding_problems(source["topic"])):
        yield Problem("card-source-urls", lacks, f"{where}.topic")


def _detail(card: Mapping[str, Any], where: str) -> Iterator[Problem]:
    if "detail" not in card:
        return
    if not isinstance(card["detail"], str):
        yield Problem("card-detail", type(card["detail"]).__name__, f"{where}.detail")
    elif tag := _TAG.search(_CODE.sub("", card["detail"])):
        yield Problem("card-detail-html", brief(tag[0]), f"{where}.detail")


def _links(links: Any, where: str) -> Iterator[Problem]:
    if not isinstance(links, list):
        yield Problem("card-links", type(links).__name__, where)
        return
    for place, link in enumerate(links):
        here = f"{where}[{place}]"
        if not isinstance(link, dict):
            yield Problem("card-links", type(link).__name__, here)
            continue
        yield from _link(link, here)


def _link(link: Mapping[str, Any], where: str) -> Iterator[Problem]:
    if not is_text(link.get("label")):
        yield Problem("card-links", "no label", where)
    if not absolute_url(link.get("url")):
        yield Problem("card-links", f"url: {brief(link.get('url'))}", where)
    if link.get("type") not in ("absolute", "smart"):
        yield Problem("card-links", f"type: {brief(link.get('type'))}", where)
    if "appContext" in link and link.get("type") != "smart":
        yield Problem("card-app-context", "appContext on a link that is not smart", where)


def _override_reasons(reasons: Any, where: str) -> Iterator[Problem]:
    if not isinstance(reasons, list):
        yield Problem("card-override-reasons", type(reasons).__name__, where)
        return
    for place, reason in enumerate(reasons):
        if lacks := coding_problems(reason, display=True):
            yield Problem("card-override-reasons", lacks, f"{where}[{place}]")
