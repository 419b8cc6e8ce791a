"""What a client does with a card, one function a rule of `clients.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from cds_hooks.console.ehr_views.clients import Rule
from cds_hooks.console.ehr_views.displayed_cards import (
    Remark,
    ShownCard,
    ShownLink,
    members,
    text_of,
)

__all__ = ["RULES", "Known", "Step", "remark", "system_actions"]

_TAG = re.compile(r"<(?:[a-zA-Z][^<>]*|/[a-zA-Z][^<>]*|!--)>?")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_DETAIL_TYPE = "com.epic.cdshooks.card.detail.content-type"

Known = Collection[str] | None
"""Hosts whose links the site has registered with the client; None where that is not known."""

Step = Callable[[ShownCard, Rule, Known], tuple[ShownCard, list[Remark]]]


def remark(rule: Rule, where: str, **filled: object) -> Remark:
    """What a rule says of one element."""
    words = rule.words
    for name, value in filled.items():  # Not `format`: a value may hold braces.
        words = words.replace(f"{{{name}}}", str(value))
    return Remark(rule.rule, rule.effect, where, words, rule.source)


def system_actions(document: Mapping[str, Any], rule: Rule) -> Iterator[Remark]:
    """The one rule that is about no card."""
    listed = document.get("systemActions")
    if isinstance(listed, list) and listed:
        yield remark(rule, "systemActions", count=len(listed))


def _selection_behavior(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    if not card.suggestions or card.selection in rule.values:
        return card, []
    refused = rule.effect == "refused"
    where = f"{card.where}.selectionBehavior"
    told = remark(rule, where, value=card.selection or "nothing")
    return replace(card, refused=card.refused or refused), [told]


def _most_actions(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    over = [s for s in card.suggestions if len(s.actions) > rule.most]
    kept = tuple(s for s in card.suggestions if len(s.actions) <= rule.most)
    told = [remark(rule, s.where, count=len(s.actions)) for s in over]
    return replace(card, suggestions=kept), told


def _hidden_suggestion_labels(
    card: ShownCard, rule: Rule, _: Known
) -> tuple[ShownCard, list[Remark]]:
    shown = tuple(
        replace(s, text="; ".join(words for _, words in s.actions if words) or "(no text)")
        for s in card.suggestions
    )
    changed = [s for s, was in zip(shown, card.suggestions, strict=True) if s.text != was.text]
    told = [remark(rule, f"{s.where}.label") for s in changed]
    return replace(card, suggestions=shown), told


def _hidden_link_labels(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    shown = tuple(replace(each, text="(label not shown)") for each in card.links)
    return replace(card, links=shown), [remark(rule, f"{each.where}.label") for each in card.links]


def _link_hosts(card: ShownCard, rule: Rule, known: Known) -> tuple[ShownCard, list[Remark]]:
    return _unless_known(card, rule, known, smart=False)


def _smart_link(card: ShownCard, rule: Rule, known: Known) -> tuple[ShownCard, list[Remark]]:
    if rule.effect == "dropped":
        return _unless_known(card, rule, known, smart=True)
    return card, [remark(rule, each.where) for each in card.links if each.smart]


def _unless_known(
    card: ShownCard, rule: Rule, known: Known, *, smart: bool
) -> tuple[ShownCard, list[Remark]]:
    """Links of hosts that are not registered are gone; told of all while nobody knows which are."""
    told = [
        (each, remark(rule, each.where, host=_host(each)))
        for each in card.links
        if each.smart is smart and (known is None or _host(each) not in known)
    ]
    gone = [] if known is None else [each for each, _ in told]
    kept = tuple(each for each in card.links if each not in gone)
    return replace(card, links=kept), [words for _, words in told]


def _host(link: ShownLink) -> str:
    try:
        return urlsplit(link.url).hostname or "no host"
    except ValueError:
        return "no host"


def _detail_type(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    extension = card.raw.get("extension")
    value = text_of(extension, _DETAIL_TYPE) if isinstance(extension, dict) else ""
    # Markdown is the client's default, so that it changes nothing to say so.
    if value in ("", "text/markdown") or not card.detail:
        return card, []
    told = remark(rule, f"{card.where}.detail", value=value)
    return replace(card, as_text=True), [told]


def _html_in_detail(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    found = _TAG.search(_CODE.sub("", card.detail))
    return card, [remark(rule, f"{card.where}.detail")] if found else []


def _topic_code(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    source = card.raw.get("source")
    topic = source.get("topic") if isinstance(source, dict) else None
    code = text_of(topic, "code") if isinstance(topic, dict) else ""
    fits = re.fullmatch(rule.pattern, code) is not None
    return card, [] if fits else [remark(rule, f"{card.where}.source.topic.code")]


def _condition_system(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    told, kept = [], []
    for suggestion in card.suggestions:
        unfit = [
            f"{where}.resource.code"
            for where, action in members(suggestion.raw, "actions", suggestion.where)
            if _creates(action) == "Condition" and not _systems(action) & set(rule.values)
        ]
        told += [remark(rule, where) for where in unfit]
        kept += [] if unfit else [suggestion]
    return replace(card, suggestions=tuple(kept)), told


def _created_types(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    told = [
        remark(rule, f"{where}.resource", value=_creates(action))
        for suggestion in card.suggestions
        for where, action in members(suggestion.raw, "actions", suggestion.where)
        if _creates(action) and _creates(action) not in rule.values
    ]
    return card, told


def _creates(action: Mapping[str, Any]) -> str:
    resource = action.get("resource")
    is_create = action.get("type") == "create" and isinstance(resource, dict)
    return text_of(resource, "resourceType") if is_create else ""  # type: ignore[arg-type]


def _systems(action: Mapping[str, Any]) -> set[str]:
    code = action["resource"].get("code")
    codings = members(code, "coding", "") if isinstance(code, dict) else ()
    return {text_of(each, "system") for _, each in codings}


def _override_reasons(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    return card, [remark(rule, f"{card.where}.overrideReasons")] if card.reasons else []


def _no_feedback(card: ShownCard, rule: Rule, _: Known) -> tuple[ShownCard, list[Remark]]:
    return card, [] if text_of(card.raw, "uuid") else [remark(rule, f"{card.where}.uuid")]


RULES: Mapping[str, Step] = {
    "selection-behavior": _selection_behavior,
    "most-actions": _most_actions,
    "condition-system": _condition_system,
    "created-types": _created_types,
    "hidden-suggestion-labels": _hidden_suggestion_labels,
    "link-hosts": _link_hosts,
    "smart-link": _smart_link,
    "hidden-link-labels": _hidden_link_labels,
    "detail-type": _detail_type,
    "html-in-detail": _html_in_detail,
    "topic-code": _topic_code,
    "override-reasons": _override_reasons,
    "no-feedback": _no_feedback,
}
"""In the order in which they are applied: what is dropped is not told of again."""
