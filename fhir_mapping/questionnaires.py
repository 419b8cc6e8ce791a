"""QuestionnaireResponse: each answered question is a fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_mapping.chart import Kind
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.identifying import IDENTIFYING, asks_who, identifying_codes
from fhir_mapping.quantities import quantity
from fhir_mapping.reading import objects, string
from fhir_mapping.values import read_value

__all__ = ["map_questionnaire_response"]

_DEEPEST = 6
_MOST_ANSWERS = 200


def map_questionnaire_response(resource: Mapping[str, Any], ref: str, scene: Scene) -> None:
    """The answers, each with its question; dates are told relative to now."""
    when = scene.times.days_ago(resource.get("authored"))
    status = string(resource.get("status")).lower()
    told = 0
    for n, item in enumerate(_questions(resource, 0)):
        question = scene.words.typed(item.get("text"))
        answer = ", ".join(filter(None, (_answer(a, scene) for a in objects(item.get("answer")))))
        if not answer or not question:
            continue
        if asks_who(question) or _is_identifying(item):
            scene.found.leave(f"{ref}#answer-{n + 1}", *IDENTIFYING)
            continue
        if told == _MOST_ANSWERS:
            scene.found.leave(f"{ref}#rest", "too-long", "Only the first answers are read.")
            break
        told += 1
        link = string(item.get("linkId")) or str(n)
        text = (
            f"{question.rstrip(':')}: {answer}" if question[-1] != "?" else f"{question} {answer}"
        )
        scene.found.told(
            Draft(Kind.OBSERVATION, f"{ref}#{link}|{n}", text, ref, when, status=status)
        )
    if not told:
        scene.found.leave(ref, "no-value", "No question has an answer that can be read.",
                          Kind.OBSERVATION)  # fmt: skip


def _is_identifying(item: Mapping[str, Any]) -> bool:
    """By its linkId or the item of the questionnaire it answers, which often is a LOINC code."""
    sent = (string(item.get("linkId")), string(item.get("definition")))
    return any(part in identifying_codes() for text in sent for part in text.split("/"))


def _questions(holder: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    for item in objects(holder.get("item")):
        yield item
        if depth < _DEEPEST:
            yield from _questions(item, depth + 1)
            for answer in objects(item.get("answer")):
                yield from _questions(answer, depth + 1)


def _answer(answer: Mapping[str, Any], scene: Scene) -> str:
    sent = answer.get("valueQuantity")
    if isinstance(sent, dict):
        return str(quantity(sent, scene.words))
    value = read_value(answer, scene)
    return (value.shown or value.figure) if value else ""
