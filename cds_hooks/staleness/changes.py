"""What changed between two charts that bears on a differential. Pure; the table is data."""

from __future__ import annotations

import functools
import tomllib
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

from fhir_mapping.chart import Chart, Fact, Flag, Kind, PatientFacts
from fhir_mapping.diff import content_of, diff

__all__ = ["Aside", "Changes", "Same", "Table", "changes", "table"]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: frozenset[Kind] = Field(min_length=1)
    reason: str = Field(min_length=1)


class Same(_Row):
    """Facts that differ in nothing but these statuses are the same."""

    statuses: frozenset[str] = Field(min_length=2)


class Aside(_Row):
    """A fact that fits all that is said here may come and go."""

    id: str
    types: frozenset[str] = frozenset()
    flags: frozenset[Flag] = frozenset()
    statuses: frozenset[str] = frozenset()
    older_than_days: float | None = None
    source: str = ""

    def fits(self, fact: Fact) -> bool:
        """Whether a fact that is new or gone is one of these."""
        return (
            fact.kind in self.kinds
            and (not self.types or _type(fact) in self.types)
            and (not self.flags or fact.flag in self.flags)
            and (not self.statuses or fact.status in self.statuses)
            and self._is_old(fact.days_ago)
        )

    def _is_old(self, days_ago: float | None) -> bool:
        if self.older_than_days is None:
            return True
        return days_ago is not None and days_ago > self.older_than_days


class Table(BaseModel):
    """`changes.toml`: what does not make an answer stale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    same: tuple[Same, ...]
    aside: tuple[Aside, ...]


@functools.cache
def table() -> Table:
    """The shipped table."""
    text = resources.files(__package__).joinpath("changes.toml").read_text("utf-8")
    return Table.model_validate(tomllib.loads(text))


@dataclass(frozen=True, slots=True)
class Changes:
    """What bears on a differential: facts that are `new` or changed, facts that are `gone`.

    `aside` counts the others by the table's row; `patient` says that age in years, recorded sex
    or being alive changed.
    """

    new: tuple[Fact, ...] = ()
    gone: tuple[Fact, ...] = ()
    aside: tuple[tuple[str, int], ...] = ()
    patient: bool = False

    @property
    def matter(self) -> bool:
        """Whether an answer about the earlier chart is stale."""
        return self.patient or bool(self.new or self.gone)


def changes(before: Chart, now: Chart, rules: Table | None = None) -> Changes:
    """What is new or gone `now`, apart from what the table lets come and go.

    Ids, order, how long ago a fact was and which resources say it are not compared, nor the
    earlier values of a result (`fhir_mapping.diff`).
    """
    rules = rules or table()
    found = diff(before, now)
    others = (*found.changed, *found.resolved)
    came = _in_order(now, (*found.new, *(change.now for change in others)))
    went = _in_order(before, (*found.gone, *(change.before for change in others)))
    new, gone = _beyond(went, came, rules), _beyond(came, went, rules)
    aside = Counter(row for fact in (*new, *gone) if (row := _aside(fact, rules)))
    return Changes(
        new=tuple(fact for fact in new if not _aside(fact, rules)),
        gone=tuple(fact for fact in gone if not _aside(fact, rules)),
        aside=tuple(sorted(aside.items())),
        patient=_who(before.patient) != _who(now.patient),
    )


def _in_order(chart: Chart, facts: Iterable[Fact]) -> list[Fact]:
    wanted = set(map(id, facts))
    return [fact for fact in chart.facts if id(fact) in wanted]


def _beyond(known: Iterable[Fact], facts: Iterable[Fact], rules: Table) -> list[Fact]:
    """The facts that `known` does not have, as often as there are more of them."""
    left = Counter(_content(fact, rules) for fact in known)
    found = []
    for fact in facts:
        content = _content(fact, rules)
        left[content] -= 1
        if left[content] < 0:
            found.append(fact)
    return found


def _content(fact: Fact, rules: Table) -> tuple[Hashable, ...]:
    return content_of(replace(fact, status=_status(fact, rules.same)))


def _status(fact: Fact, same: Iterable[Same]) -> str:
    for row in same:
        if fact.kind in row.kinds and fact.status in row.statuses:
            return min(row.statuses)
    return fact.status


def _aside(fact: Fact, rules: Table) -> str:
    """The id of the row that lets a fact come and go; empty when there is none."""
    return next((row.id for row in rules.aside if row.fits(fact)), "")


def _type(fact: Fact) -> str:
    return fact.sources[0].partition("/")[0] if fact.sources else ""


def _who(patient: PatientFacts) -> tuple[object, ...]:
    """Infants age by the month, as their age is told."""
    return (patient.recorded_sex, patient.age_text, patient.deceased)
