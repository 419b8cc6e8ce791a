"""The part of a report about verdicts, flags and agreement: what each is worth."""

from __future__ import annotations

from cds_hooks.evaluation.metrics import Figure
from cds_hooks.evaluation.report.page import PageSection, PageTable, number, percent
from cds_hooks.evaluation.report.svg import calibration_plot, verdict_plot
from cds_hooks.evaluation.runs.flagging import FEWEST, FlagRow, ScoreRow
from cds_hooks.evaluation.runs.summary import RunSummary

__all__ = ["agreement", "flags", "verdicts"]

_FLAGS = (
    "flag", "on", "there", "wrong among flagged", "flagged among wrong", "flagged among right",
)  # fmt: skip
_SCORES = ("score for wrong", "on", "right", "wrong", "AUROC", "AUPRC")


def verdicts(summary: RunSummary) -> PageSection:
    """Diagnoses by verdict, and how many of each were the truth."""
    listed = summary.listed
    rows = tuple(
        (v.verdict.value, str(v.right), str(v.wrong), percent(v.true)) for v in listed.verdicts
    )
    told = (
        "Over every diagnosis of every list, by the ancestor rule. A diagnosis beside the truth "
        "counts as wrong even where it is a sound one to consider.",
        f"Names not recognised, before any mapping: {percent(listed.unrecognised)}.",
    )
    table = PageTable(("verdict", "truth", "other", "share that is the truth"), rows)
    plot = verdict_plot(listed.verdicts, title="Verdicts and the truth")
    return PageSection("What verdicts are worth", told, (plot,), (table,))


def flags(summary: RunSummary) -> PageSection:
    """Each flag as a warning, each score by how well it ranks."""
    found = summary.flags
    told = (
        "A flag on a diagnosis warns that it is not the truth, one on a case that the truth is not "
        "in the list; both by the ancestor rule, over cases that have a list. A flag is worth "
        "something where it is on wrong ones more often than on right ones.",
        f"With fewer than {FEWEST} right or {FEWEST} wrong ones the table says “too few”: rates "
        "are then shown and mean little, and no area is.",
        f"Red flags that name the truth: {percent(found.red_flags.named)}. "
        "Lists without the truth where a red flag names it: "
        f"{percent(found.red_flags.caught)}.",
    )
    tables = (
        PageTable(_SCORES, tuple(map(_score, found.scores)), "Scores"),
        PageTable(_FLAGS, tuple(map(_flag, found.rows)), "Flags that are there or not"),
    )
    return PageSection("What flags are worth", told, tables=tables)


def agreement(summary: RunSummary, *, samples: int) -> PageSection:
    """Whether the share of samples that agree is the share that is right."""
    listed, title = summary.listed, "What agreement is worth"
    if samples < 2:
        told = "One sample was drawn for each case, which agrees with itself: nothing to measure."
        return PageSection(title, (told,))
    text = (
        "Agreement is the share of samples that named a diagnosis.",
        f"For “right”: AUROC {number(listed.agreement_auroc)}; "
        f"AUPRC {number(listed.agreement_auprc)}. "
        f"Calibration error {number(listed.agreement.error)}, "
        f"Brier score {number(listed.agreement.brier)}.",
    )
    rows = tuple(
        (f"{b.low:.1f} to {b.high:.1f}", f"{b.stated:.2f}", _observed(b.observed))
        for b in listed.agreement.bins
    )
    plot = calibration_plot(
        listed.agreement, title="Agreement and the truth", stated="share of samples that agree"
    )
    table = PageTable(("agreement", "mean", "share that is the truth"), rows, "Reliability")
    return PageSection(title, text, (plot,) if rows else (), (table,))


def _observed(figure: Figure) -> str:
    return percent(figure) + ("" if figure.n >= FEWEST else "; too few")


def _flag(row: FlagRow) -> tuple[str, ...]:
    rates = (row.precision, row.recall, row.false_alarms)
    name = row.check if row.enough else f"{row.check} (too few)"
    return (name, row.on, percent(row.flagged), *map(percent, rates))


def _score(row: ScoreRow) -> tuple[str, ...]:
    areas = (number(row.auroc), number(row.auprc)) if row.enough else ("too few", "too few")
    return (row.what, row.on, str(row.right), str(row.wrong), *areas)
