"""What changed between two charts of one patient: the basis for "since this answer was made".

Facts are matched by what they are about, not by their numbers, which may move. What a fact says is
its value, flag, status and polarity; time alone going by is no change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fhir_mapping.chart import Chart, Fact, Kind, Polarity
from fhir_mapping.terms import identity_of

__all__ = ["Change", "ChartDiff", "diff"]

_OVER = frozenset(
    {"resolved", "inactive", "remission", "stopped", "completed", "ended", "finished", "cancelled"}
)


@dataclass(frozen=True, slots=True)
class Change:
    """The same thing in the chart before and in the chart now."""

    before: Fact
    now: Fact


@dataclass(frozen=True, slots=True)
class ChartDiff:
    """`resolved` were so and are over, by their status or because refuted; `gone` are no longer in
    the chart at all."""

    new: tuple[Fact, ...]
    changed: tuple[Change, ...]
    resolved: tuple[Change, ...]
    gone: tuple[Fact, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed that a reader of the first chart would want to know."""
        return not (self.new or self.changed or self.resolved or self.gone)


def diff(before: Chart, now: Chart) -> ChartDiff:
    """What is new, changed, resolved and gone in `now` against `before`; facts in chart order."""
    pairs = _matched(before.facts, now.facts)
    new, changed, resolved = [], [], []
    for fact in now.facts:
        earlier = pairs.get(fact.id)
        if earlier is None:
            new.append(fact)
        elif _is_over(fact) and not _is_over(earlier):
            resolved.append(Change(earlier, fact))
        elif _says(earlier) != _says(fact):
            changed.append(Change(earlier, fact))
    found = {earlier.id for earlier in pairs.values()}
    gone = tuple(fact for fact in before.facts if fact.id not in found)
    return ChartDiff(tuple(new), tuple(changed), tuple(resolved), gone)


def _matched(before: Iterable[Fact], now: Iterable[Fact]) -> dict[str, Fact]:
    """For the id of each fact now, the earlier fact about the same thing.

    The same thing has the same code or words, from the same resource if there are several; what
    is left is the same thing if it comes from the same resource.
    """
    waiting = list(before)
    pairs: dict[str, Fact] = {}
    for ways in (_same_from_same, _same, _from_same):
        for fact in now:
            if fact.id not in pairs:
                at = next((n for n, earlier in enumerate(waiting) if ways(earlier, fact)), None)
                if at is not None:
                    pairs[fact.id] = waiting.pop(at)
    return pairs


def _same_from_same(one: Fact, other: Fact) -> bool:
    return _same(one, other) and _from_same(one, other)


def _same(one: Fact, other: Fact) -> bool:
    return _subject(one) == _subject(other)


def _from_same(one: Fact, other: Fact) -> bool:
    return one.kind is other.kind and not set(one.sources).isdisjoint(other.sources)


def _subject(fact: Fact) -> tuple[Kind, str]:
    if fact.kind in (Kind.NOTE, Kind.REPORT):
        return fact.kind, fact.sources[0]
    return fact.kind, identity_of(fact.codes[0]) if fact.codes else fact.text.lower()


def _is_over(fact: Fact) -> bool:
    if fact.kind not in (Kind.PROBLEM, Kind.MEDICATION, Kind.ALLERGY, Kind.ENCOUNTER):
        return False
    return fact.status in _OVER or fact.polarity is Polarity.REFUTED


def _says(fact: Fact) -> tuple[object, ...]:
    said = (fact.value, fact.comparator, fact.unit, fact.flag, fact.status, fact.polarity)
    return said if fact.value is not None else (*said, fact.text)
