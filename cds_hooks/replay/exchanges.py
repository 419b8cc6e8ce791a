"""A captured exchange answered again: its cards beside today's, and why they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cds_hooks.cds_client.captured import CapturedExchange
from cds_hooks.comparison import Side, compare
from cds_hooks.comparison.cards import card_differences
from cds_hooks.protocol.cards import Card, Coding, Link, Source, Suggestion
from cds_hooks.replay.answering import Question, answer_question
from cds_hooks.replay.changes import Change
from cds_hooks.replay.judging import side_of
from cds_hooks.replay.result import Replayed, Step
from cds_hooks.replay.today import Today

__all__ = ["SAMPLING", "cards_of", "replay_exchange"]

SAMPLING = ("samples", "temperature", "seed", "max_tokens")
"""Figures of `Sampling` that a file may tell."""

_REDACTED = (
    "The file is redacted: free text and identifiers were taken out, and of each card only its "
    "kind was written. Kinds are compared."
)
_UNKNOWN = "The file does not tell what answered, so changes since cannot be named."
_NOT_ASKED = "No model was asked (--model), so only what rules say is compared."


async def replay_exchange(
    file: CapturedExchange,
    question: Question,
    today: Today,
    progress: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """The cards of a file beside those that its request would have today.

    Raises EngineError where the engine that was given cannot be asked.
    """
    then = cards_of(file.response or {})
    by_rules = side_of(question.asked, today.cards)
    now, notes = by_rules, [_REDACTED] * file.redacted + [_UNKNOWN] * (not file.served_by)
    if today.engine is None:
        notes.append(_NOT_ASKED)
    else:
        progress("model")
        now = side_of(await answer_question(question.asked, today), today.cards)
    if file.redacted:
        now, by_rules = _kinds(now), _kinds(by_rules)
    recorded = Side(now.consultation, then)
    causes = tuple(_causes(file, then, by_rules, today))
    step = Step("exchange", causes, compare(recorded, now), tuple(notes))
    return Replayed(recorded, now, (step,))


def _kinds(side: Side) -> Side:
    """The cards without their words, as a redacted file has them."""
    return replace(side, cards=tuple(map(_kind, side.cards)))


def _kind(card: Card) -> Card:
    return Card(
        summary="",
        indicator=card.indicator,
        source=Source("", topic=card.source.topic),
        suggestions=tuple(Suggestion("") for _ in card.suggestions),
    )


def _causes(
    file: CapturedExchange, then: Sequence[Card], by_rules: Side, today: Today
) -> Iterator[Change]:
    """What may be the cause, the most certain first."""
    before_model = not card_differences(then, by_rules.cards)
    if today.engine is not None and before_model:
        yield Change("outcome", "the model had not answered yet", "rules alone", "answered")
    if today.engine is None and not before_model:
        yield Change("outcome", "no model was asked", "answered", "rules alone")
    now = _served_today(today)
    for name, before in file.served_by.items():
        if name in now and now[name] and now[name] != before:
            yield Change(_CODES[name], name, before, now[name])
    if file.redacted:
        yield Change("redaction", "free text and identifiers", "sent", "taken out")


_CODES = {
    "version": "program",
    "model_sha256": "model",
    "engine": "engine",
    "template_sha256": "template",
    "settings_sha256": "setting",
    "tables_sha256": "rules",
    "terminology_sha256": "terminology",
    **dict.fromkeys(SAMPLING, "sampling"),
}


def _served_today(today: Today) -> dict[str, str]:
    model = today.engine.model if today.engine else None
    return {
        "version": today.basis.version,
        "model_sha256": model.sha256 if model else today.model_sha256,
        "engine": model.engine if model else "",
        "template_sha256": today.template.ref.sha256,
        "settings_sha256": today.settings_sha256,
        "tables_sha256": today.basis.tables_sha256,
        "terminology_sha256": today.basis.terminology_sha256,
        **{name: str(getattr(today.sampling, name)) for name in SAMPLING},
    }


def cards_of(response: Mapping[str, Any]) -> tuple[Card, ...]:
    """The cards in a response; what is of another shape is left out."""
    listed = response.get("cards")
    return tuple(_card(each) for each in _objects(listed))


def _card(card: Mapping[str, Any]) -> Card:
    source = card.get("source")
    told = source if isinstance(source, dict) else {}
    topic = told.get("topic")
    return Card(
        summary=_text(card, "summary"),
        indicator=_text(card, "indicator"),  # type: ignore[arg-type]  # compared, never sent
        source=Source(_text(told, "label"), topic=_coding(topic) if topic else None),
        detail=_text(card, "detail"),
        suggestions=tuple(
            Suggestion(_text(each, "label")) for each in _objects(card.get("suggestions"))
        ),
        selection_behavior=_text(card, "selectionBehavior") or None,  # type: ignore[arg-type]
        override_reasons=tuple(map(_coding, _objects(card.get("overrideReasons")))),
        # Each card of ours links to its consultation; a replayed one was shown to nobody.
        links=tuple(
            Link(_text(each, "label"), "")
            for each in _objects(card.get("links"))
            if "/consultations/" not in _text(each, "url")
        ),
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _coding(value: Any) -> Coding:
    told = value if isinstance(value, dict) else {}
    return Coding(_text(told, "code"), _text(told, "system"), _text(told, "display"))


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
