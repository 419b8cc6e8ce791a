"""A laid-out chart within a token budget: the prompt, and what of the chart it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fhir_mapping.chart import Chart, Fact, Omission
from fhir_mapping.priority import must_keep as chart_must_keep
from fhir_mapping.priority import priority as chart_priority
from prompts.layout import Layout, chart_part
from prompts.prompt import Message, Prompt
from prompts.schema import answer_schema

__all__ = ["render"]

Priority = Callable[[Fact, Chart], tuple[Any, ...]]
MustKeep = Callable[[Fact, Chart], bool]


def render(
    layout: Layout,
    costs: Sequence[int],
    *,
    budget: int | None = None,
    priority: Priority = chart_priority,
    must_keep: MustKeep = chart_must_keep,
) -> Prompt:
    """The prompt that shows the most important facts of `layout` within `budget` tokens.

    `costs` are the tokens of each of `layout.texts`; `budget` (the template's by default) bounds
    the chart part, its headings included. Must-keep facts come first, then by `priority`, lowest
    first; one too long for what is left is passed over and shorter ones after it may still fit.
    Raises ValueError when there is not one cost for each text.
    """
    if len(costs) != len(layout.lines) + 2:
        raise ValueError(f"{len(costs)} costs for {len(layout.lines) + 2} texts of the layout")
    limit = layout.template.settings.chart_tokens if budget is None else budget
    chosen = _choose(layout, costs[2:], limit - costs[1], priority, must_keep)
    shown = {layout.lines[i].fact.id for i in chosen}
    fact_ids = tuple(line.fact.id for line in layout.lines if line.fact.id in shown)
    lines = [line for line in layout.lines if line.fact.id in shown]
    user = chart_part(layout.chart, layout.template, lines, shown=shown)
    return Prompt(
        messages=(Message("system", layout.system), Message("user", user)),
        template=layout.template.ref,
        schema=answer_schema(layout.template.schema, fact_ids),
        fact_ids=fact_ids,
        omissions=tuple(_omission(f, limit) for f in layout.chart.facts if f.id not in shown),
        tokens=costs[0] + costs[1] + sum(costs[2 + i] for i in chosen),
    )


def _choose(
    layout: Layout, costs: Sequence[int], room: int, priority: Priority, must_keep: MustKeep
) -> list[int]:
    def rank(index: int) -> tuple[Any, ...]:
        fact = layout.lines[index].fact
        return (not must_keep(fact, layout.chart), priority(fact, layout.chart), index)

    chosen: list[int] = []
    for index in sorted(range(len(costs)), key=rank):
        if costs[index] <= room:
            chosen.append(index)
            room -= costs[index]
    return chosen


def _omission(fact: Fact, limit: int) -> Omission:
    detail = f"left out to keep the chart part within {limit} tokens"
    return Omission(fact.id, "token-budget", detail, fact.kind)
