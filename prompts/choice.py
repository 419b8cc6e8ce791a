"""Which form of each fact a prompt shows: its line, a shorter one, its name alone, or nothing.

Everything that fits is shown in full. Where not all does:

1. each group of facts gets short lines within its own share of the budget, by priority;
2. each further must-keep fact gets its short line, by priority, drugs last;
3. lines become full ones by priority, doses of drugs last; other facts get a line between the two;
4. what is left is named, by priority, in a line at the end of its section, for which a tenth of
   the budget is kept from the drugs of step 2 on;
5. the rest is only counted there, and what is left of the budget makes lines full.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from fhir_mapping.priority import Group
from prompts.layout import Layout

__all__ = ["Costs", "LineSelection", "Ranking", "choose", "shares"]

_FOR_NAMES = 10
"""One part in so many of the budget is kept for names."""


@cache
def shares() -> Mapping[Group, float]:
    """Each group's part of the budget, in the order in which they are served (`shares.toml`)."""
    raw = tomllib.loads(Path(__file__).with_name("shares.toml").read_text("utf-8"))
    return {Group(name): float(part) for name, part in raw["shares"].items()}


@dataclass(frozen=True, slots=True)
class Ranking:
    """Indices of lines: all of them, most important first; which must be kept; each one's group."""

    ranked: Sequence[int]
    must: frozenset[int]
    groups: Mapping[int, Group]

    def of(self, group: Group) -> list[int]:
        """The lines of a group, most important first."""
        return [n for n in self.ranked if self.groups.get(n) is group]

    def is_drug(self, n: int) -> bool:
        """Whether a line is of a drug in use: its dose is the first detail to go."""
        return self.groups.get(n) is Group.MEDICATION


@dataclass(frozen=True, slots=True)
class Costs:
    """Tokens of the texts of a layout by what they are for; `names` holds those of each piece."""

    system: int
    frame: int
    full: Sequence[int]
    brief: Sequence[int]
    names: Sequence[int]
    naming: int

    @classmethod
    def of(cls, layout: Layout, costs: Sequence[int]) -> Costs:
        """Raises ValueError when there is not one cost for each text."""
        if len(costs) != len(layout.texts):
            raise ValueError(f"{len(costs)} costs for {len(layout.texts)} texts of the layout")
        n = len(layout.lines)
        full, brief, names = (costs[2 + n * form : 2 + n * (form + 1)] for form in range(3))
        return cls(costs[0], costs[1], full, brief, names, costs[-1] if n else 0)


@dataclass(slots=True)
class LineSelection:
    """By the index of their line: facts in full, in short, and only named; and what is left."""

    remaining: int
    full: set[int] = field(default_factory=set)
    brief: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)

    @property
    def shown(self) -> set[int]:
        """The facts that have a line of their own."""
        return self.full | self.brief


def choose(layout: Layout, costs: Costs, budget: int, ranking: Ranking) -> LineSelection:
    """What of the layout's lines to show within `budget`."""
    available = budget - costs.frame
    if sum(costs.full) <= available:
        return LineSelection(available - sum(costs.full), full=set(ranking.ranked))
    choice = LineSelection(available)
    for group, share in shares().items():
        _show_short(choice, costs, ranking.of(group), choice.remaining - int(share * available))
    reserve = budget // _FOR_NAMES
    must = [n for n in ranking.ranked if n in ranking.must]
    _show_short(choice, costs, [n for n in must if not ranking.is_drug(n)], 0)
    _show_short(choice, costs, [n for n in must if ranking.is_drug(n)], reserve)
    _complete(choice, costs, ranking, reserve)
    _name(choice, costs, layout, [n for n in ranking.ranked if n not in choice.shown])
    _lengthen(choice, costs, ranking.ranked, 0)
    return choice


def _show_short(choice: LineSelection, costs: Costs, ranked: Sequence[int], reserve: int) -> None:
    """Short lines while more than `reserve` of the budget is left; one too long is passed over."""
    for n in ranked:
        if n not in choice.brief and costs.brief[n] <= choice.remaining - max(reserve, 0):
            choice.brief.add(n)
            choice.remaining -= costs.brief[n]


def _complete(choice: LineSelection, costs: Costs, ranking: Ranking, reserve: int) -> None:
    """Full lines for what is shown, doses last, and lines for what is not shown yet."""
    others = [n for n in ranking.ranked if n not in choice.brief]
    reserve = reserve if others else 0
    _lengthen(choice, costs, [n for n in ranking.ranked if not ranking.is_drug(n)], reserve)
    _show(choice, costs, others, max(reserve, choice.remaining // 2))
    _lengthen(choice, costs, [n for n in ranking.ranked if ranking.is_drug(n)], reserve)
    _show(choice, costs, [n for n in others if n not in choice.shown], reserve)


def _lengthen(choice: LineSelection, costs: Costs, ranked: Sequence[int], reserve: int) -> None:
    for n in ranked:
        more = costs.full[n] - costs.brief[n]
        if n in choice.brief and more <= max(choice.remaining - reserve, 0):
            choice.brief.remove(n)
            choice.full.add(n)
            choice.remaining -= more


def _show(choice: LineSelection, costs: Costs, ranked: list[int], reserve: int) -> None:
    for n in ranked:
        for form, cost in ((choice.full, costs.full[n]), (choice.brief, costs.brief[n])):
            if cost <= choice.remaining - reserve:
                form.add(n)
                choice.remaining -= cost
                break


def _name(choice: LineSelection, costs: Costs, layout: Layout, ranked: list[int]) -> None:
    begun: set[int] = set()
    said: set[tuple[int, str]] = set()
    for n in ranked:
        section, name = layout.lines[n].section, layout.lines[n].name
        cost = 0 if (section, name) in said else costs.names[n]
        cost += 0 if section in begun else costs.naming
        if cost <= choice.remaining:
            choice.named.add(n)
            choice.remaining -= cost
            begun.add(section)
            said.add((section, name))
