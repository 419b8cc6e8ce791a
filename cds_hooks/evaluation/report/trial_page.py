"""The report of a silent trial as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cds_hooks.evaluation.report.page import Page, PageSection, PageTable, number, percent
from cds_hooks.evaluation.report.svg import interval_plot
from cds_hooks.evaluation.report.trial_drift import drift_lead, trial_drift
from cds_hooks.evaluation.report.trial_worth import calibrations, rules, struck_out, verdicts
from cds_hooks.trial.drift import FigureDrift
from cds_hooks.trial.report import TrialReport
from cds_hooks.trial.report.report_settings import RANKS
from cds_hooks.trial.report.trial_words import RULES_OF_LEVELS

__all__ = ["trial_page"]

_TOO_FEW = "too few"


def trial_page(
    report: TrialReport,
    document: Mapping[str, Any],
    digest: str,
    compared: Sequence[FigureDrift] = (),
) -> Page:
    """The page of a report; `document` is its JSON form and `digest` that form's SHA-256;
    `compared` are figures beside those of an earlier report."""
    sections = (
        *((trial_drift(compared),) if compared else ()),
        _leaks(report),
        _coverage(report),
        _accuracy(report),
        _subgroups(report),
        struck_out(report),
        verdicts(report),
        *calibrations(report),
        rules(report),
        _time(report),
        _seconds(report),
        _limits(),
    )
    first, *lead = _lead(report, document, digest)
    return Page("Silent trial", (first, *drift_lead(document), *lead), sections)


def _lead(report: TrialReport, document: Mapping[str, Any], digest: str) -> Iterator[str]:
    subject = report.subject
    period = f"{subject.first} to {subject.last}" if subject.first else "no consultation"
    yield (
        f"Hooks of {period} (UTC), compared with what the patients turned out to have. "
        f"Made {document['made']} by Chartside {document['program']}. "
        "Each figure has its 95 % interval and n."
    )
    if report.leaks.cases:
        yield (
            f"LEAKS: in {report.leaks.cases} of {report.leaks.checked} consultations an outcome "
            "was known before the answer. They are left out of every figure of accuracy; find "
            "out why before anything is decided."
        )
    yield from _mixtures(report)
    found = report.coverage.with_outcome
    if planned := document["planned"]:
        reached = "reached" if found >= planned["cases"] else "NOT reached"
        yield f"Planned were {planned['cases']} cases with an outcome; {found} are: {reached}."
    else:
        yield f"{found} cases with an outcome. No plan says how many were wanted."
    yield f"SHA-256 of this report (its JSON form): {digest}"


def _mixtures(report: TrialReport) -> Iterator[str]:
    subject, made = report.subject, report.coverage.consultations
    if subject.silent < made:
        yield (
            f"{made - subject.silent} of {made} consultations were shown to people. What is shown "
            "may change what is charted: these figures are not those of a silent trial."
        )
    for what, counts in (("models", subject.models), ("settings", subject.settings)):
        if len(counts) > 1:
            told = ", ".join(f"{name[:12] or 'not known'} ({n})" for name, n in counts.items())
            yield f"{len(counts)} {what} are mixed in these figures: {told}."


def _leaks(report: TrialReport) -> PageSection:
    leaks = report.leaks
    rows = [(f"outcomes: {kind.value}", str(count)) for kind, count in leaks.by_kind.items()]
    rows += [(f"outcomes read by {name}", str(n)) for name, n in leaks.by_source.items()]
    text = (
        f"{leaks.checked} consultations with outcomes were looked at, of all hooks; "
        f"{leaks.cases} had a leak.",
        f"In {leaks.similar} more the prompt showed another code of an outcome's category. They "
        "count: a known disease of the same category is no answer.",
    )
    return PageSection("Leaks", text, tables=(PageTable(("what", "count"), tuple(rows)),))


def _coverage(report: TrialReport) -> PageSection:
    told = report.coverage
    hooks = "not counted" if told.hooks is None else str(told.hooks)
    rows = [("hooks answered", hooks), ("consultations made", str(told.consultations))]
    rows += [("patients", str(told.patients)), ("encounters", str(told.encounters))]
    rows += [(f"left out: {why.value}", str(n)) for why, n in told.excluded.items()]
    rows += [
        ("looked for outcomes and found none", str(told.without_outcome)),
        ("with an outcome: the cases of the accuracy", str(told.with_outcome)),
        ("of these, consultations without an answer (they count as wrong)", str(told.unanswered)),
    ]
    ended = PageTable(
        ("consultations ended", "count"), tuple((k, str(n)) for k, n in told.ended.items())
    )
    text = (
        "Of several hooks of one encounter the first counts. Without an encounter those of one "
        "patient on one day are taken for one.",
    )
    counts = PageTable(("what", "count"), tuple(rows))
    return PageSection("Coverage", text, tables=(counts, ended))


def _accuracy(report: TrialReport) -> PageSection:
    plotted = [(f"{r.level.value}, first {r.k}", r.named) for r in report.accuracy]
    rows = tuple(
        (f"{r.level.value}, first {r.k}", percent(r.named), percent(r.recall))
        for r in report.accuracy
    )
    text = (
        "A case is right when one of the first k diagnoses that were not struck out matches any "
        "of its outcomes. Outcomes named: the share of all outcomes, each code of a case once.",
        *(f"{level.value}: {told}" for level, told in RULES_OF_LEVELS.items()),
        f"Where a figure below names no level it is “{report.level.value}”.",
    )
    headings = ("level and rank", "cases right", "outcomes named")
    plot = interval_plot(plotted, title="Cases right, by level and rank")
    return PageSection("Accuracy", text, (plot,), (PageTable(headings, rows),))


def _subgroups(report: TrialReport) -> PageSection:
    told = [r for r in report.subgroups if r.named is not None]
    plotted = [(f"{r.dimension}: {r.group}", r.named[3]) for r in told if r.named]
    rows = tuple(
        (
            f"{r.dimension}: {r.group}",
            *(percent(r.named[k]) if r.named else _TOO_FEW for k in RANKS),
        )
        for r in report.subgroups
    )
    text = (
        f"Counts of 1 to {report.least - 1} are not told, nor what would let one be worked out: "
        "a group beside a small one is hidden with it.",
        "Groups differ by chance too: of ten groups at least one interval misses the group's true "
        "share in four reports of ten.",
    )
    plots = (interval_plot(plotted, title="Cases right within the first three"),) if told else ()
    headings = ("group", *(f"right within first {k}" for k in RANKS))
    return PageSection("Subgroups", text, plots, (PageTable(headings, rows),))


def _time(report: TrialReport) -> PageSection:
    told = report.time_gained
    text = (
        f"Outcomes that a list of the encounter named before they were charted: "
        f"{percent(told.named)}.",
        f"Median hours from the first such list to the charting: {number(told.hours, 1)}.",
        f"Outcomes of which only the day is known, left out here: {told.undated}.",
        "Hours are over outcomes that were named, alone. Charted is when it was written down: "
        "clinicians may have known it before.",
    )
    return PageSection("Time gained", text)


def _seconds(report: TrialReport) -> PageSection:
    told = report.seconds
    rows = (
        ("median", number(told.median, 1)),
        ("nine of ten are below", number(told.ninety, 1)),
        ("mean", number(told.mean, 1)),
    )
    text = ("How long a consultation took, of all that were made.",)
    return PageSection("Seconds", text, tables=(PageTable(("seconds", "value"), rows),))


def _limits() -> PageSection:
    text = (
        "An outcome is what was charted, not what was true: a diagnosis that nobody looked for "
        "counts as wrong, however right it was.",
        "A silent trial says nothing of what clinicians do with a card: no benefit and no harm "
        "follows from these figures.",
        "Patients without an outcome are not known to be healthy; those who were followed up "
        "elsewhere have none here.",
        "docs/operators/trial-report.md says how to read each figure.",
    )
    return PageSection("What this does not show", text)
