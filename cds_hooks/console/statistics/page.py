"""What the template of the page is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_hooks.console.plots import Plot
from cds_hooks.console.statistics import plots_over_time as plots
from cds_hooks.console.statistics import tables, words
from cds_hooks.statistics import CHOICES, CountedReport, Report
from cds_hooks.statistics.suppression import share_of

__all__ = ["all_tables", "page_of"]

_CARDS = {"shown": "with a card", "silent": "without a card"}
_FEEDBACK = {"accepted": "accepted", "overridden": "set aside", "judged": "judged on the page"}
_SAID = {"useful": "useful", "wrong": "wrong for this patient"}


def page_of(found: CountedReport, services: tuple[str, ...]) -> dict[str, Any]:
    """Values of `statistics/page.html.j2`; `services` can be chosen."""
    report = found.report
    return {
        "report": report,
        "left": found.not_counted,
        "made": found.made.replace("T", " ").removesuffix("Z"),
        "choices": CHOICES,
        "services": services,
        "words": words,
        "total": next((each for each in report.latency if each.stage == "total"), None),
        "over_time": tuple(_over_time(report)),
        "outcomes": _outcomes(report),
        "cards": _cards(report),
        "latency": tables.latency_table(report.latency),
        "flags_plot": plots.flags_plot(report.flags),
        "flags": tables.flag_table(report.flags),
        "feedback": tuple(_feedback(report)),
        "groups": tables.group_tables(report.groups),
        "drift_plots": tuple(_drift_plots(report)),
        "drift": tables.drift_table(report.drift),
    }


def all_tables(report: Report) -> Iterator[tables.Table]:
    """All tables of the page, for a terminal."""
    yield from _outcomes(report)
    yield tables.latency_table(report.latency)
    yield _cards(report)
    yield tables.flag_table(report.flags)
    yield tables.drift_table(report.drift)
    yield from _feedback(report)
    yield from tables.group_tables(report.groups)


def _cards(report: Report) -> tables.Table:
    return tables.share_table("Answers with and without a card", _named(report.cards, _CARDS))


def _over_time(report: Report) -> Iterator[Plot]:
    for make in (plots.answers_plot, plots.trouble_plot, plots.latency_plot):
        yield make(report.over_time)
    yield plots.cards_plot(report.silent_by_week)


def _outcomes(report: Report) -> tuple[tables.Table, ...]:
    hooks = {words.outcome(code): count for code, count in report.hooks.items()}
    ended = {words.outcome(code): count for code, count in report.consultations.items()}
    return (
        _counts("Hooks, by what the answer stood on", "Answer", hooks),
        _counts("Consultations, by how they ended", "Outcome", ended),
    )


def _counts(title: str, what: str, counts: dict[str, int]) -> tables.Table:
    return tables.share_table(
        title, {k: share_of(n, sum(counts.values()), 1) for k, n in counts.items()}, what
    )


def _named(shares: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(code, code): share for code, share in shares.items()}


def _feedback(report: Report) -> Iterator[tables.Table]:
    told = report.feedback
    reasons = {words.reason(code): share for code, share in told.reasons.items()}
    if told.outcomes:
        yield tables.share_table("By outcome", _named(told.outcomes, _FEEDBACK), "Outcome")
    if reasons:
        yield tables.share_table("Why something was set aside or called wrong", reasons, "Reason")
    if told.said:
        yield tables.share_table("Single diagnoses", _named(told.said, _SAID), "Called")


def _drift_plots(report: Report) -> Iterator[Plot]:
    """Any flag, and those that changed."""
    for each in report.drift:
        if each.flag == "any":
            yield plots.drift_plot(each, "Consultations flagged by rules")
        elif each.changed:
            yield plots.drift_plot(each, each.flag.partition(":")[2])
