"""What changed between two charts of one patient: the basis for "since this answer was made".

Facts are matched by what they are about, not by their numbers, which may move. What a fact says is
its phrase, flag, status, polarity, certainty and experiencer. That time went by is no change, nor
is an earlier value of a result that is told no longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from fhir_mapping.chart import Chart, Fact, Kind, Polarity
from fhir_mapping.elements.terms import identity_of

__all__ = ["Change", "ChartDiff", "content_of", "diff"]

_OVER = frozenset(
    {"resolved", "inactive", "remission", "stopped", "completed", "ended", "finished", "cancelled"}
)
_UNITS = "(?:minute|hour|day|week|month|year)s?"
_AGO = re.compile(rf"\b(?:today|\d+ {_UNITS} ago|in \d+ {_UNITS})\b")
_DETAIL = re.compile(r" \(|[:;,]")
_FIRST = re.compile(r" \S+ -> ")
_COURSE = re.compile(rf" over \d+ {_UNITS}|, (?:rising|falling|unchanged|(?:low|high)est \S+)\b")


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

    @property
    def told(self) -> tuple[tuple[str, Fact], ...]:
        """Each difference: a word ("new", "changed", "resolved", "gone") and its fact."""
        return (
            *(("new", fact) for fact in self.new),
            *(("changed", change.now) for change in self.changed),
            *(("resolved", change.now) for change in self.resolved),
            *(("gone", fact) for fact in self.gone),
        )


def content_of(fact: Fact) -> tuple[Hashable, ...]:
    """What a fact says, the same however long ago it was, whatever its id and its sources."""
    text = _AGO.sub("", fact.text)
    if " -> " in text:
        text = _COURSE.sub("", _FIRST.sub(" ", text, count=1))
    said = (fact.polarity, fact.certainty, fact.experiencer)
    return (fact.kind, text, fact.flag, fact.status, *said)


def diff(before: Chart, now: Chart) -> ChartDiff:
    """What is new, changed, resolved and gone in `now` against `before`; facts in chart order."""
    pairs = _matched(before.facts, now.facts)
    new, changed, resolved = [], [], []
    for n, fact in enumerate(now.facts):
        at = pairs.get(n)
        earlier = None if at is None else before.facts[at]
        if earlier is None:
            new.append(fact)
        elif _is_over(fact) and not _is_over(earlier):
            resolved.append(Change(earlier, fact))
        elif content_of(earlier) != content_of(fact):
            changed.append(Change(earlier, fact))
    found = set(pairs.values())
    gone = tuple(fact for n, fact in enumerate(before.facts) if n not in found)
    return ChartDiff(tuple(new), tuple(changed), tuple(resolved), gone)


Keys = Callable[[Fact], Iterable[tuple[Hashable, str]]]


def _matched(before: tuple[Fact, ...], now: tuple[Fact, ...]) -> dict[int, int]:
    """For the place of each fact now, the place of the earlier fact about the same thing.

    What says the same is the same. Then what has the same code or words, from the same resource if
    there are several; what is left is the same thing if it comes from the same resource. Both
    charts are treated alike, so exchanging them exchanges the places in each pair.
    """
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for keys in (_content, _subject_and_source, _subject, _kind_and_source):
        for earlier, later in _shared(keys, before, now):
            free = [n for n in earlier if n not in taken]
            unmatched = [n for n in later if n not in pairs]
            for at, n in zip(free, unmatched, strict=False):
                pairs[n] = at
                taken.add(at)
    return pairs


Places = tuple[list[int], list[int]]


def _shared(keys: Keys, before: tuple[Fact, ...], now: tuple[Fact, ...]) -> list[Places]:
    """The places of the facts in both charts under each key that both have.

    A resource that fewer facts come from says more about which of them belong together, so it
    comes first. Keys that remain equal in this order have no fact in common.
    """
    found: dict[tuple[Hashable, str], Places] = {}
    for chart, facts in enumerate((before, now)):
        for n, fact in enumerate(facts):
            for key in keys(fact):
                found.setdefault(key, ([], []))[chart].append(n)
    both = [(key, places) for key, places in found.items() if all(places)]
    both.sort(key=lambda one: (len(one[1][0]) + len(one[1][1]), one[0][1]))
    return [places for _, places in both]


def _content(fact: Fact) -> Iterable[tuple[Hashable, str]]:
    yield content_of(fact), ""


def _subject(fact: Fact) -> Iterable[tuple[Hashable, str]]:
    yield _subject_of(fact), ""


def _subject_of(fact: Fact) -> Hashable:
    if fact.kind in (Kind.NOTE, Kind.REPORT) and fact.sources:
        return fact.kind, fact.sources[0]
    name = _DETAIL.split(fact.text, maxsplit=1)[0].lower()
    return fact.kind, identity_of(fact.codes[0]) if fact.codes else name


def _subject_and_source(fact: Fact) -> Iterable[tuple[Hashable, str]]:
    subject = _subject_of(fact)
    for source in fact.sources:
        yield subject, source


def _kind_and_source(fact: Fact) -> Iterable[tuple[Hashable, str]]:
    for source in fact.sources:
        yield fact.kind, source


def _is_over(fact: Fact) -> bool:
    if fact.kind not in (Kind.PROBLEM, Kind.MEDICATION, Kind.ALLERGY, Kind.ENCOUNTER):
        return False
    return fact.status in _OVER or fact.polarity is Polarity.REFUTED
