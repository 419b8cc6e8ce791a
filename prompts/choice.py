"""Which form of each fact a prompt shows: its line, a shorter one, its name alone, or nothing.

Everything that fits is shown in full. Where not all does:

1. each must-keep fact gets its short line, by priority, then its full line while there is room;
2. of the others each gets its full line, or else its short one, by priority, up to a tenth of the
   budget, which is kept for names;
3. what is left is named, by priority, in a line at the end of its section;
4. the rest is only counted there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from prompts.layout import Layout

__all__ = ["Choice", "Costs", "choose"]

_FOR_NAMES = 10
"""One part in so many of the budget is kept for names."""


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
class Choice:
    """By the index of their line: facts in full, in short, and only named; and what is left."""

    room: int
    full: set[int] = field(default_factory=set)
    brief: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)

    @property
    def shown(self) -> set[int]:
        """The facts that have a line of their own."""
        return self.full | self.brief


def choose(layout: Layout, costs: Costs, budget: int, ranked: list[int], must: set[int]) -> Choice:
    """What of the layout's lines to show within `budget`; `ranked` is every index, first first."""
    room = budget - costs.frame
    if sum(costs.full) <= room:
        return Choice(room - sum(costs.full), full=set(ranked))
    choice = Choice(room)
    _keep(choice, costs, [n for n in ranked if n in must])
    _show(choice, costs, [n for n in ranked if n not in must], budget // _FOR_NAMES)
    _name(choice, costs, layout, [n for n in ranked if n not in choice.shown])
    return choice


def _keep(choice: Choice, costs: Costs, ranked: list[int]) -> None:
    for n in ranked:
        if costs.brief[n] <= choice.room:
            choice.brief.add(n)
            choice.room -= costs.brief[n]
    for n in ranked:
        more = costs.full[n] - costs.brief[n]
        if n in choice.brief and more <= choice.room:
            choice.brief.remove(n)
            choice.full.add(n)
            choice.room -= more


def _show(choice: Choice, costs: Costs, ranked: list[int], reserve: int) -> None:
    for n in ranked:
        for form, cost in ((choice.full, costs.full[n]), (choice.brief, costs.brief[n])):
            if cost <= choice.room - reserve:
                form.add(n)
                choice.room -= cost
                break


def _name(choice: Choice, costs: Costs, layout: Layout, ranked: list[int]) -> None:
    begun: set[int] = set()
    said: set[tuple[int, str]] = set()
    for n in ranked:
        section, name = layout.lines[n].section, layout.lines[n].name
        cost = 0 if (section, name) in said else costs.names[n]
        cost += 0 if section in begun else costs.naming
        if cost <= choice.room:
            choice.named.add(n)
            choice.room -= cost
            begun.add(section)
            said.add((section, name))
