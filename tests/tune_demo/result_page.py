"""The page of results: what was trained, what it changed, and what that says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import Figure, proportion
from cds_hooks.evaluation.report.page import Page, PageSection, PageTable, percent
from cds_hooks.evaluation.report.svg import interval_plot
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.tuning.training.run_record import RunRecord
from cds_hooks.tuning.training.run_sections import run_sections
from tests.tune_demo.steps import Spent

__all__ = ["Demonstration", "demonstration_page"]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the steps left: results by case id, the look-up's ranks, the comparison of both runs
    (`eval compare --json`) and the admission; `taught` are unseen cases whose disease was trained.
    """

    record: RunRecord
    untuned: Mapping[str, CaseResult]
    tuned: Mapping[str, CaseResult]
    look_up: Mapping[str, int | None]
    taught: frozenset[str]
    comparison: Mapping[str, Any]
    admission: Mapping[str, Any]
    own_data: bool
    spent: Sequence[Spent]


def demonstration_page(made: Demonstration) -> Page:
    """The whole page."""
    cases = len(made.tuned)
    origin = "a site's own file" if made.own_data else "the project's own invented charts"
    lead = (
        f"{made.record.base} was trained on {made.record.examples} cases of {origin} and asked "
        f"about {cases} that it was never trained on, with the adapter and without.",
        _verdict(made),
        "This shows that the recipe works on this machine. It says nothing about how a larger "
        f"model would do: this one is small, and {cases} cases leave wide intervals.",
    )
    sections = (_diagnoses(made), *run_sections(made.record), _times(made.spent))
    return Page("Fine-tuning on a processor, shown", lead, sections)


def _verdict(made: Demonstration) -> str:
    right = made.comparison["right"]
    gained, lost = len(right["only_second"]), len(right["only_first"])
    admitted = made.admission["requirements"]
    better = next(r for r in admitted if r["figure"] == "better_than_base")["met"]
    told = (
        f"The truth is among five in {gained} cases with the adapter alone and in {lost} "
        f"without it alone (exact McNemar p = {right['p']:.2g}). "
    )
    if better:
        return told + "The adapter is better than its base on these cases."
    return told + "That is no proof of a gain: admission refuses the adapter (better_than_base)."


def _diagnoses(made: Demonstration) -> PageSection:
    columns = {
        "base": {case: _rank(r) for case, r in made.untuned.items()},
        "with the adapter": {case: _rank(r) for case, r in made.tuned.items()},
        "look-up among the trained cases, no model": dict(made.look_up),
    }
    groups = {
        "all": frozenset(made.tuned),
        "disease among the trained": made.taught & made.tuned.keys(),
        "disease never trained": frozenset(made.tuned) - made.taught,
    }
    rows = tuple(
        (name, group, percent(_top(ranks, ids, 1)), percent(_top(ranks, ids, 5)))
        for group, ids in groups.items()
        for name, ranks in columns.items()
    )
    table = PageTable(("answered by", "unseen cases", "first", "among five"), rows)
    plotted = [
        (f"{name}, {told}", _top(ranks, groups["all"], k))
        for name, ranks in columns.items()
        for told, k in (("first", 1), ("among five", 5))
    ]
    plot = interval_plot(plotted, title="The truth among the answers, unseen cases")
    text = (
        "Right by the ancestor rule: same code, or one above the other. Intervals are Wilson's.",
        "A look-up knows only diseases of the trained cases.",
    )
    return PageSection("Diagnoses of cases never trained on", text, (plot,), (table,))


def _rank(result: CaseResult) -> int | None:
    return result.rank(MatchRule.ANCESTOR)


def _top(ranks: Mapping[str, int | None], ids: frozenset[str], k: int) -> Figure:
    shared = [ranks[case] for case in ids if case in ranks]
    return proportion(sum(rank is not None and rank <= k for rank in shared), len(shared))


def _times(spent: Sequence[Spent]) -> PageSection:
    rows = tuple((s.step, f"{s.seconds:.0f}", f"{s.processor_s:.0f}") for s in spent)
    total = (
        "all",
        f"{sum(s.seconds for s in spent):.0f}",
        f"{sum(s.processor_s for s in spent):.0f}",
    )
    table = PageTable(("step", "seconds", "seconds of processor time"), (*rows, total))
    text = ("Steps that were done before are not in it. Processor time hardly depends on others.",)
    return PageSection("How long it took", text, (), (table,))
