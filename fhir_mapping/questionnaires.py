"""QuestionnaireResponse: each answered question is a fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_mapping.chart import Kind
from fhir_mapping.draft import Draft, Scene
from fhir_mapping.quantities import quantity
from fhir_mapping.reading import objects, string
from fhir_mapping.refused import refusal_of_question
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
        refusal = refusal_of_question(
            question, string(item.get("linkId")), string(item.get("definition"))
        )
        if refusal is not None:
            scene.found.leave(f"{ref}#answer-{n + 1}", *refusal)
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
