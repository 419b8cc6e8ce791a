"""A laid-out chart within a token budget: the prompt, and what of the chart it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fhir_mapping.chart import Chart, Fact, Omission
from fhir_mapping.priority import Group
from fhir_mapping.priority import group as chart_group
from fhir_mapping.priority import must_keep as chart_must_keep
from fhir_mapping.priority import priority as chart_priority
from prompts.choice import Costs, LineSelection, Ranking, choose
from prompts.layout import Layout, chart_part, naming_line
from prompts.prompt import Message, Prompt
from prompts.schema import answer_schema

__all__ = ["render"]

Priority = Callable[[Fact, Chart], tuple[Any, ...]]
MustKeep = Callable[[Fact, Chart], bool]
GroupOf = Callable[[Fact, Chart], Group | None]


def render(
    layout: Layout,
    costs: Sequence[int],
    *,
    budget: int | None = None,
    priority: Priority = chart_priority,
    must_keep: MustKeep = chart_must_keep,
    group: GroupOf = chart_group,
) -> Prompt:
    """The prompt that shows the most important facts of `layout` within `budget` tokens.

    `costs` are the tokens of each of `layout.texts`; `budget` (the template's by default) bounds
    the chart part, its headings included. When not all fit, each `group` of facts has a share of
    its own, then come must-keep facts and the others by `priority`, lowest first;
    `prompts.choice` says which are shortened, named or left out.
    Raises ValueError when there is not one cost for each text.
    """
    known = Costs.of(layout, costs)
    limit = layout.template.settings.chart_tokens if budget is None else budget
    must = {n for n, line in enumerate(layout.lines) if must_keep(line.fact, layout.chart)}
    groups = {n: found for n, line in enumerate(layout.lines)
              if (found := group(line.fact, layout.chart))}  # fmt: skip
    ranking = Ranking(_ranked(layout, must, priority), frozenset(must), groups)
    choice = choose(layout, known, limit, ranking)
    fact_ids = tuple(line.fact.id for n, line in enumerate(layout.lines) if n in choice.shown)
    user = chart_part(layout.chart, layout.template, _sections(layout, choice))
    return Prompt(
        messages=(Message("system", layout.system), Message("user", user)),
        template=layout.template.ref,
        schema=answer_schema(layout.template.schema, fact_ids, measured=_measured(layout)),
        fact_ids=fact_ids,
        omissions=tuple(_omissions(layout, choice, limit)),
        tokens=known.system + limit - choice.remaining,
    )


def _measured(layout: Layout) -> set[str]:
    """Facts of which "high" can be said: numbers, and results that were flagged."""
    facts = (line.fact for line in layout.lines)
    return {fact.id for fact in facts if fact.value is not None or fact.flag is not None}


def _ranked(layout: Layout, must: set[int], priority: Priority) -> list[int]:
    def rank(index: int) -> tuple[Any, ...]:
        return (index not in must, priority(layout.lines[index].fact, layout.chart), index)

    return sorted(range(len(layout.lines)), key=rank)


def _sections(layout: Layout, choice: LineSelection) -> dict[int, list[str]]:
    """The lines of each section that has any, and after them one that names what has none."""
    shown: dict[int, list[str]] = {}
    names: dict[int, dict[str, None]] = {}
    unnamed: dict[int, int] = {}
    for n, line in enumerate(layout.lines):
        if n in choice.shown:
            text = line.text if n in choice.full else line.brief
            shown.setdefault(line.section, []).append(text)
        elif n in choice.named:
            shown.setdefault(line.section, [])
            names.setdefault(line.section, {})[line.name] = None
        else:
            unnamed[line.section] = unnamed.get(line.section, 0) + 1
    for section, found in names.items():
        shown[section].append(naming_line(list(found), unnamed.get(section, 0)))
    return shown


def _omissions(layout: Layout, choice: LineSelection, limit: int) -> Iterator[Omission]:
    """One for each fact without a line, in chart order, and one for each that was shortened."""
    index = {line.fact.id: n for n, line in enumerate(layout.lines)}
    why = f"to keep the chart part within {limit} tokens"
    for fact in layout.chart.facts:
        n = index[fact.id]
        if n in choice.named:
            yield Omission(fact.id, "named-only", f"only named, {why}", fact.kind)
        elif n not in choice.shown:
            yield Omission(fact.id, "token-budget", f"left out {why}", fact.kind)
        elif n in choice.brief and layout.lines[n].brief != layout.lines[n].text:
            yield Omission(f"{fact.id}#detail", "shortened", f"shortened {why}", fact.kind)
