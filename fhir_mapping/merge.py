"""Drafts of the same thing become one fact; facts get their numbers.

Numbers follow the time a thing was first seen, oldest first and the undated before all, so that a
chart that grows keeps its numbers; equal times fall back to text and reference, never to the
order in which resources came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fhir_mapping.chart import Fact, Kind
from fhir_mapping.drafting.draft import Draft
from fhir_mapping.elements.terms import identity_of
from fhir_mapping.elements.text import LIMIT, one_line
from fhir_mapping.results.courses import result_phrase
from fhir_mapping.units.conversions import convert

__all__ = ["facts_of"]

_LONGER = frozenset({Kind.NOTE, Kind.REPORT})
LONGEST_EXCERPT = 1200

_ENDED = frozenset({"stopped", "ended", "not-taken"})
_COUNTED = {
    Kind.ENCOUNTER: "visits",
    Kind.IMMUNIZATION: "doses",
    Kind.PROCEDURE: "times",
}


def facts_of(drafts: list[Draft]) -> tuple[Fact, ...]:
    """The facts of a chart, in the order of the kinds and their numbers."""
    drafts.sort(key=_by_time)
    _link(drafts)
    by_kind: dict[Kind, dict[str, list[Draft]]] = {kind: {} for kind in Kind}
    for draft in drafts:
        groups = by_kind[draft.kind]
        group = groups.get(draft.key)
        if group is None:
            groups[draft.key] = [draft]
        else:
            group.append(draft)
    return tuple(
        _fact(f"{kind.letter}{n}", group)
        for kind, groups in by_kind.items()
        for n, group in enumerate(_comparable(groups.values()), 1)
    )


_LINKED = frozenset({Kind.PROBLEM, Kind.ALLERGY, Kind.MEDICATION})


def _link(drafts: list[Draft]) -> None:
    """Gives one key to problems, allergies or drugs that share any of their codings or words."""
    known: dict[tuple[Kind, str, str], str] = {}
    for draft in drafts:
        if draft.kind in _LINKED:
            identity, _, status = draft.key.rpartition("|")
            names = [*(identity_of(code) for code in draft.codes), draft.name.lower() or identity]
            ways = [(draft.kind, status, name) for name in names]
            key = next((known[way] for way in ways if way in known), draft.key)
            for way in ways:
                known.setdefault(way, key)
            draft.key = key


def _comparable(groups: Iterable[list[Draft]]) -> Iterator[list[Draft]]:
    """The groups, each in one unit: that of its newest result, where the others can be converted.

    Results in a unit that cannot be converted stay separate, as a fact of their own.
    """
    for group in groups:
        unit = group[-1].unit
        if len(group) == 1:
            yield group
        elif all(draft.unit == unit for draft in group):
            yield from _by_moment(group)
        else:
            for comparable in _by_unit(group):
                yield from _by_moment(comparable)


def _by_moment(group: list[Draft]) -> Iterator[list[Draft]]:
    """Results of one instant that differ are no course: all but the first stay separate."""
    if not group[0].result:
        yield group
        return
    courses: list[list[Draft]] = [[]]
    for draft in group:
        course = next((c for c in courses if not c or _may_follow(draft, c[-1])), None)
        if course is None:
            courses.append([draft])
        else:
            course.append(draft)
    yield from courses


def _may_follow(draft: Draft, last: Draft) -> bool:
    """Whether it is of another instant than the last one of a course, or says the same."""
    at = draft.days_ago
    return at is None or at != last.days_ago or _is_same(draft, last)


def _is_same(one: Draft, other: Draft) -> bool:
    told = (one.value, one.comparator, one.shown, one.polarity)
    return told == (other.value, other.comparator, other.shown, other.polarity)


def _by_unit(group: list[Draft]) -> Iterator[list[Draft]]:
    newest = group[-1]
    by_unit: dict[str | None, list[Draft]] = {}
    for draft in group:
        _convert_to(draft, newest)
        by_unit.setdefault(draft.unit, []).append(draft)
    yield from by_unit.values()


def _convert_to(draft: Draft, newest: Draft) -> None:
    unit, to = draft.unit, newest.unit
    if unit == to or not unit or not to or draft.value is None:
        return
    value = convert(draft.value, unit, to, draft.codes[0].code if draft.codes else "")
    if value is not None:
        draft.value, draft.unit, draft.shown, draft.range = value, to, None, None


def _by_time(draft: Draft) -> tuple[float, str, str, str]:
    """Oldest first, undated before all."""
    days = draft.days_ago
    return (-1e12 if days is None else -days, draft.ref, draft.text, draft.shown or "")


def _fact(fact_id: str, group: Sequence[Draft]) -> Fact:
    """The fact of drafts that tell the same thing, oldest first."""
    main = group[-1]
    if len(group) > 1 and not main.result:
        main = _leader(group)
    text = _phrase(main, group)
    limit = LONGEST_EXCERPT if main.kind in _LONGER else LIMIT
    if len(text) > limit:
        text = one_line(text, limit)
    return Fact(
        fact_id,
        main.kind,
        text,
        main.codes,
        main.value,
        main.comparator,
        main.unit,
        main.range,
        main.flag,
        main.days_ago,
        main.status,
        main.polarity,
        _sources(main, group),
        main.certainty,
        main.experiencer,
        main.paths if len(group) == 1 else _paths(group),
        main.nothing_known,
    )


def _leader(group: Sequence[Draft]) -> Draft:
    """The newest draft of the highest weight; but a drug that was stopped after that is stopped."""
    main = max(reversed(group), key=_weight)
    if main.kind is Kind.MEDICATION and group[-1].status in _ENDED:
        return group[-1]
    return main


def _weight(draft: Draft) -> int:
    return draft.weight


def _phrase(main: Draft, group: Sequence[Draft]) -> str:
    if main.result:
        return result_phrase(group)
    counted = _COUNTED.get(main.kind)
    text = f"{main.text}; {main.remark}" if main.remark else main.text
    return f"{text} ({len(group)} {counted})" if counted and len(group) > 1 else text


def _paths(group: Sequence[Draft]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for draft in reversed(group):
        if draft.paths:
            found.update(dict.fromkeys(draft.paths))
    return tuple(found)


def _sources(main: Draft, group: Sequence[Draft]) -> tuple[str, ...]:
    if len(group) == 1 and not main.also:
        return (main.ref,)
    refs = dict.fromkeys([main.ref, *(draft.ref for draft in reversed(group))])
    for draft in group:
        refs.update(dict.fromkeys(draft.also))
    return tuple(refs)
