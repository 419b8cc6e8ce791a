"""QuestionnaireResponse: each answered question is a fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_mapping.chart import Kind, Polarity
from fhir_mapping.drafting.draft import Draft, MappingContext
from fhir_mapping.drafting.excluded_results import refusal_of_question
from fhir_mapping.elements.json_values import objects, string
from fhir_mapping.elements.quantities import quantity
from fhir_mapping.resources.questionnaire_items import QuestionnaireItems
from fhir_mapping.results.values import read_value

__all__ = ["map_questionnaire_response"]

_DEEPEST = 6
_MOST_ANSWERS = 200
_NO_QUESTION = "The answer has neither its question's text nor a code of a known question."


def map_questionnaire_response(resource: Mapping[str, Any], ref: str, ctx: MappingContext) -> None:
    """The answers, each with its question; dates are told relative to now."""
    when = ctx.times.days_ago(resource.get("authored"))
    status = string(resource.get("status")).lower()
    told = left_out = 0
    items = QuestionnaireItems(resource, ctx)
    for n, item in enumerate(_questions(resource, 0)):
        answers = objects(item.get("answer"))
        answer = ", ".join(filter(None, (_answer(a, ctx) for a in answers)))
        if not answer:
            continue
        question = items.words(item)
        if not question:
            ctx.found.leave(f"{ref}#answer-{n + 1}", "no-question", _NO_QUESTION, Kind.OBSERVATION)
            left_out += 1
            continue
        refusal = refusal_of_question(
            question, string(item.get("linkId")), string(item.get("definition"))
        )
        if refusal is not None:
            ctx.found.leave(f"{ref}#answer-{n + 1}", *refusal)
            continue
        if told == _MOST_ANSWERS:
            ctx.found.leave(f"{ref}#rest", "too-long", "Only the first answers are read.")
            break
        told += 1
        link = string(item.get("linkId")) or str(n)
        text = (
            f"{question.rstrip(':')}: {answer}" if question[-1] != "?" else f"{question} {answer}"
        )
        draft = Draft(Kind.OBSERVATION, f"{ref}#{link}|{n}", text, ref, when, status=status)
        draft.codes, draft.paths = items.codes(item), (f"{ref}#answer-{n + 1}",)
        draft.polarity = _polarity(question, answers, ctx)
        ctx.found.told(draft)
    if not told and left_out:
        ctx.found.leave(ref, "no-question", _NO_QUESTION, Kind.OBSERVATION)
    elif not told:
        ctx.found.leave(ref, "no-value", "No question has an answer that can be read.",
                          Kind.OBSERVATION)  # fmt: skip


def _questions(holder: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    for item in objects(holder.get("item")):
        yield item
        if depth < _DEEPEST:
            yield from _questions(item, depth + 1)
            for answer in objects(item.get("answer")):
                yield from _questions(answer, depth + 1)


def _polarity(question: str, answers: list[dict[str, Any]], ctx: MappingContext) -> Polarity:
    """Absent or unknown where all answers say so."""
    said = set()
    for answer in answers:
        value = read_value(answer, ctx)
        if value is None or value.number is not None:
            return Polarity.PRESENT
        codes = ctx.term(answer.get("valueCoding")).codes
        said.add(ctx.statements.answer(question, value.shown or "", codes))
    (only,) = said if len(said) == 1 else (None,)
    return only or Polarity.PRESENT


def _answer(answer: Mapping[str, Any], ctx: MappingContext) -> str:
    sent = answer.get("valueQuantity")
    if isinstance(sent, dict):
        return str(quantity(sent, ctx.words))
    value = read_value(answer, ctx)
    return (value.shown or value.figure) if value else ""
