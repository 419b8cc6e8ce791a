"""Drafts of the same thing become one fact; facts get their numbers.

Numbers follow the time a thing was first seen, oldest first and the undated before all, so that a
chart that grows keeps its numbers; equal times fall back to text and reference, never to the
order in which resources came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fhir_mapping.chart import Fact, Kind
from fhir_mapping.concepts import codes_of
from fhir_mapping.courses import result_phrase
from fhir_mapping.draft import Draft
from fhir_mapping.words import LIMIT, Words, one_line

__all__ = ["facts_of"]

_KIND_ORDER = {kind: n for n, kind in enumerate(Kind)}
_LONGER = frozenset({Kind.NOTE, Kind.REPORT})
LONGEST_EXCERPT = 1200

_COUNTED = {
    Kind.ENCOUNTER: "visits",
    Kind.IMMUNIZATION: "doses",
    Kind.PROCEDURE: "times",
}


def facts_of(drafts: Iterable[Draft], words: Words) -> tuple[Fact, ...]:
    """The facts of a chart, in the order of the kinds and their numbers."""
    groups: dict[tuple[Kind, str], list[Draft]] = {}
    for draft in drafts:
        groups.setdefault((draft.kind, draft.key), []).append(draft)
    ordered = []
    for group in groups.values():
        if len(group) > 1:
            group.sort(key=_by_time)
        ordered.append((_KIND_ORDER[group[0].kind], _by_time(group[0]), group))
    ordered.sort(key=_first_two)
    counts: dict[Kind, int] = {}
    facts = []
    for _, _, group in ordered:
        kind = group[0].kind
        counts[kind] = counts.get(kind, 0) + 1
        facts.append(_fact(f"{kind.letter}{counts[kind]}", group, words))
    return tuple(facts)


def _first_two(entry: tuple[int, Any, Any]) -> tuple[int, Any]:
    return entry[:2]


def _by_time(draft: Draft) -> tuple[float, str, str, str]:
    """Oldest first, undated before all."""
    days = draft.days_ago
    return (-1e12 if days is None else -days, draft.ref, draft.text, draft.shown or "")


def _fact(fact_id: str, group: Sequence[Draft], words: Words) -> Fact:
    main = group[-1] if len(group) == 1 else max(group, key=_weight)
    text = _phrase(main, group)
    limit = LONGEST_EXCERPT if main.kind in _LONGER else LIMIT
    if len(text) > limit:
        text = one_line(text, limit)
    return Fact(
        fact_id,
        main.kind,
        text,
        codes_of(main.concept, words) if main.concept is not None else (),
        main.value,
        main.comparator,
        main.unit,
        main.range,
        main.flag,
        main.days_ago,
        main.status,
        main.polarity,
        _sources(main, group),
    )


def _weight(draft: Draft) -> tuple[int, tuple[float, str, str, str]]:
    return (draft.weight, _by_time(draft))


def _phrase(main: Draft, group: Sequence[Draft]) -> str:
    if main.result:
        return result_phrase(group)
    counted = _COUNTED.get(main.kind)
    text = f"{main.text}; {main.remark}" if main.remark else main.text
    return f"{text} ({len(group)} {counted})" if counted and len(group) > 1 else text


def _sources(main: Draft, group: Sequence[Draft]) -> tuple[str, ...]:
    if len(group) == 1 and not main.also:
        return (main.ref,)
    refs = dict.fromkeys([main.ref, *(draft.ref for draft in reversed(group))])
    for draft in group:
        refs.update(dict.fromkeys(draft.also))
    return tuple(refs)
