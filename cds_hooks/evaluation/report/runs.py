"""The report of runs: what was asked, how often the truth was said, what flags were worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_hooks.admission.manifest import Manifest
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.report.flags import agreement, flags, verdicts
from cds_hooks.evaluation.report.page import (
    Page,
    PageSection,
    PageTable,
    number,
    percent,
    plain_percent,
)
from cds_hooks.evaluation.report.svg import (
    Point,
    interval_plot,
    scatter_plot,
)
from cds_hooks.evaluation.runs.summary import RunSummary
from cds_hooks.evaluation.suites.suite import Task

__all__ = ["Run", "headline", "run_page", "run_titles"]

_NAMES = {True: "names of the terminology", False: "free text"}
_ALWAYS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its figures."""

    manifest: Manifest
    summary: RunSummary


def run_titles(manifests: Sequence[Manifest]) -> list[str]:
    """ "osce, smollm2, seed 0", with whatever else tells these runs apart."""
    told = [list(_told(m)) for m in manifests]
    varies = [len(set(column)) > 1 for column in zip(*told, strict=True)]
    titles = [
        ", ".join(w for i, w in enumerate(words) if i < _ALWAYS or varies[i]) for words in told
    ]
    return [
        f"{title} ({number})" if titles.count(title) > 1 else title
        for number, title in enumerate(titles, start=1)
    ]


def _told(manifest: Manifest) -> Iterator[str]:
    yield manifest.suite.id
    yield manifest.model["name"]
    yield f"seed {manifest.seed}"
    yield _NAMES[manifest.names]
    yield manifest.template["id"]
    yield f"{manifest.samples} samples"
    yield f"{manifest.engines} engines"
    yield f"{manifest.concurrency} at once"


def run_page(runs: Sequence[Run]) -> Page:
    """One page over any number of runs; tasks of different kinds never share a plot."""
    titles = run_titles([run.manifest for run in runs])
    many = len(runs) > 1
    sections = list(_compared(runs, titles)) if many else []
    for run, title in zip(runs, titles, strict=True):
        sections += _sections(run, f"{title}: " if many else "")
    return Page("Evaluation", tuple(_lead(runs)), (*sections, _method()))


def _lead(runs: Sequence[Run]) -> Iterator[str]:
    yield (
        "Measured on benchmark cases, not on patients. Every figure carries the number of cases it "
        "rests on and a 95 % interval; differences within the intervals say nothing."
    )
    if any(r.manifest.demonstration for r in runs):
        yield "A model here is for demonstration only: its figures show that the measuring works."


def _compared(runs: Sequence[Run], titles: Sequence[str]) -> Iterator[PageSection]:
    titled = list(zip(runs, titles, strict=True))
    for task in Task:
        chosen = [(r, title) for r, title in titled if r.manifest.suite.task is task]
        if task is Task.JUDGING or not chosen:
            continue
        rows = [(title, r.summary.accuracy[0].top1) for r, title in chosen]
        points = [
            Point(title, r.summary.costs[0].median.value, r.summary.accuracy[0].top1)
            for r, title in chosen
        ]
        yield PageSection(
            f"All runs: {task.value}",
            plots=(
                interval_plot(rows, title="First diagnosis is the truth"),
                scatter_plot(points, title="Accuracy and time", x_label="median seconds a case"),
            ),
        )


def _sections(run: Run, prefix: str) -> list[PageSection]:
    made = [_request_section(run)]
    if run.manifest.suite.task is Task.JUDGING:
        made.append(_judged(run.summary))
    else:
        made += [_accuracy(run), _groups(run.summary)]
        if run.manifest.suite.task is Task.OPEN:
            made += [verdicts(run.summary), flags(run.summary)]
        made.append(agreement(run.summary, samples=run.manifest.samples))
    made.append(_cost(run))
    return [PageSection(prefix + s.title, s.text, s.plots, s.tables) for s in made]


def _request_section(run: Run) -> PageSection:
    manifest, summary = run.manifest, run.summary
    suite = manifest.suite
    rows = [
        ("suite", f"{suite.title} ({suite.id}), {suite.task.value}"),
        ("origin and licence", f"{suite.origin}; {suite.licence}"),
        ("cases", f"{summary.cases} of {suite.cases}, {suite.rejected} lines rejected"),
        ("suite SHA-256", suite.sha256),
        *((f"model {k}", v) for k, v in manifest.model.items()),
        *((f"template {k}", v) for k, v in manifest.template.items()),
        *((f"settings {k}", v) for k, v in manifest.settings.items()),
        *((f"terminology {k}", v) for k, v in manifest.terminology.items()),
        ("seed, samples a case", f"{manifest.seed}, {manifest.samples}"),
        ("names", _NAMES[manifest.names] if suite.task is Task.OPEN else "-"),
        ("engines, cases in flight in each", f"{manifest.engines}, {manifest.concurrency}"),
        ("started", manifest.started),
        ("outcomes", ", ".join(f"{outcome} {n}" for outcome, n in summary.outcomes) or "none"),
    ]
    return PageSection("What was asked", suite.notes, tables=(PageTable(("", ""), tuple(rows)),))


def _accuracy(run: Run) -> PageSection:
    summary, closed = run.summary, run.manifest.suite.task is Task.CLOSED
    rules = summary.accuracy[:1] if closed else summary.accuracy
    plot = [
        (f"{name}, {a.match.value}" if not closed else name, figure)
        for a in rules
        for name, figure in (("first", a.top1), ("first 3", a.top3), ("first 5", a.top5))
    ]
    rows = tuple(
        (
            a.match.value,
            *(percent(f) for f in (a.top1, a.top3, a.top5)),
            number(a.reciprocal_rank),
            *(percent(f) for f in (a.any_sample, a.majority, a.anywhere)),
        )
        for a in rules
    )
    headings = (
        "match", "first", "among 3", "among 5", "mean reciprocal rank",
        "first of any sample", "first of most samples", "in any sample",
    )  # fmt: skip
    told = [
        f"Answered: {percent(summary.answered)}. Cases without an answer count as wrong.",
        f"Mean length of the list: {number(summary.list_size)}.",
        f"Samples that were no valid answer: {percent(summary.samples_failed)}.",
    ]
    if closed:
        told.append(f"Answers off the list, before any mapping: {percent(summary.off_list)}.")
        told.append("Closed-list accuracy: not what a card does, which has no list to pick from.")
    else:
        told.append(f"Truths that resolve to a coded concept: {percent(summary.gold_resolved)}.")
    return PageSection(
        "How often the truth was said",
        tuple(told),
        (interval_plot(plot, title="The truth is among the first diagnoses"),),
        (PageTable(headings, rows),),
    )


def _groups(summary: RunSummary) -> PageSection:
    rows = tuple((g.kind, g.name, percent(g.top1), percent(g.top5)) for g in summary.groups)
    told = ("By the exact rule. Groups of few cases have wide intervals and show no difference.",)
    headings = ("group", "", "first", "among 5")
    return PageSection(
        "By age, recorded sex and kind of case", told, tables=(PageTable(headings, rows),)
    )


def _judged(summary: RunSummary) -> PageSection:
    told = (
        f"Mean distance from the score that people gave (1 to 5): {number(summary.judged_error)}.",
        f"Answered: {percent(summary.answered)}.",
    )
    return PageSection("Distance from the scores that people gave", told)


def _cost(run: Run) -> PageSection:
    summary, concurrency = run.summary, run.manifest.concurrency
    rows = tuple((c.what, number(c.median, 1), number(c.high, 1)) for c in summary.costs)
    told = (
        (
            f"{concurrency} cases were in flight together in each of {run.manifest.engines} "
            "engines: a case's seconds hold its neighbours' work.",
        )
        if concurrency > 1
        else ()
    )
    points = [
        Point(f"{p.name}, {name}", p.seconds, figure)
        for p in summary.paces
        for name, figure in (("first", p.top1), ("among 5", p.top5))
    ]
    plot = scatter_plot(points, title="Time and accuracy", x_label="median seconds a case")
    judged = run.manifest.suite.task is Task.JUDGING
    table = PageTable(("", "median", "9th decile"), rows)
    return PageSection("Time and tokens", told, () if judged else (plot,), (table,))


def _method() -> PageSection:
    return PageSection(
        "How it was measured",
        (
            "Shares have Wilson intervals, everything else percentile bootstrap intervals over "
            "cases, with a fixed seed. Comparisons are exact McNemar tests on the same cases.",
        ),
        tables=(PageTable(("match rule", "means"), tuple((m.value, m.rule) for m in MatchRule)),),
    )


def headline(run: Run) -> str:
    """One line for a terminal."""
    (title,) = run_titles([run.manifest])
    exact = run.summary.accuracy[0]
    match run.manifest.suite.task:
        case Task.JUDGING:
            return f"{title}: distance from people's scores {number(run.summary.judged_error)}"
        case Task.CLOSED:
            return f"{title}: {percent(exact.top1)}; off the list {percent(run.summary.off_list)}"
        case Task.OPEN:
            return (
                f"{title}: first {plain_percent(exact.top1)}, among 3 {plain_percent(exact.top3)}, "
                f"among 5 {percent(exact.top5)}; by the exact rule"
            )
