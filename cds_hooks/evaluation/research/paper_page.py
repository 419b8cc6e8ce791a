"""The report of recorded answers: the published table again, its faults, what flags give."""

from __future__ import annotations

from collections.abc import Sequence

from cds_hooks.evaluation.labels import MATCH_RULE
from cds_hooks.evaluation.report.page import Page, PageSection, PageTable, number, percent
from cds_hooks.evaluation.report.svg import calibration_plot, interval_plot
from cds_hooks.evaluation.research.paper import ModelRow
from cds_hooks.evaluation.research.printed import FigureComparison
from cds_hooks.evaluation.research.replay import Flagged, Replay

__all__ = ["paper_page"]


def paper_page(replay: Replay) -> Page:
    """The page of `eval paper`."""
    held = replay.comparisons
    same = sum(h.same for h in held)
    lead = (
        f"Recorded answers of {replay.catalogue.answers} ({replay.catalogue.paper}). Closed-list "
        "radiology cases: one diagnosis is picked from a list that holds the right one. What a "
        "card does, without a list, is measured elsewhere.",
        f"{same} of {len(held)} published figures are met to the printed digit.",
    )
    sections = (
        _table(replay.rows),
        _alignment(replay),
        _panels(replay),
        _pairs(replay),
        *(_flags(f) for f in replay.flagged),
        _comparisons(held),
    )
    return Page("Published answers, measured again", lead, sections)


def _table(rows: Sequence[ModelRow]) -> PageSection:
    cells = tuple(
        (
            row.model.title,
            percent(row.majority),
            percent(row.any),
            percent(row.agree),
            percent(row.split),
            percent(row.off_list),
            str(row.without_majority),
        )
        for row in rows
    )
    headings = (
        "model", "majority of runs", "any of the runs", "all runs agree", "otherwise",
        "runs off the list", "cases without majority",
    )  # fmt: skip
    told = (
        f"Match rule: {MATCH_RULE}",
        "Majority: more than half of the runs; without one the case counts as wrong. Otherwise "
        "(runs that do not all agree): the answer of the first run where there is no majority. The "
        "published figures use both rules.",
    )
    plot = interval_plot(
        [(r.model.title, r.majority) for r in rows], title="Majority accuracy by model"
    )
    return PageSection("Accuracy by model", told, (plot,), (PageTable(headings, cells),))


def _alignment(replay: Replay) -> PageSection:
    found = tuple(
        (
            _title(replay, s.model),
            "the case before" if s.offset == -1 else f"the case {s.offset:+d} rows away",
            ", ".join(s.cases),
            ", ".join(s.lost),
        )
        for s in replay.shifts
    )
    corrected = tuple(
        (
            before.model.title,
            *(percent(r.majority) for r in (before, right, without)),
            *(percent(r.off_list) for r in (before, right, without)),
        )
        for before, right, without in replay.corrected
    )
    told = (
        "A run can invent an answer. All runs of a model, in rows one after the other, each naming "
        "a diagnosis of a neighbouring case and none of their own, are a table that slipped.",
    )
    headings = (
        "model", "majority, as published", "corrected", "without those cases",
        "off the list, as published", "corrected", "without those cases",
    )  # fmt: skip
    tables = (
        PageTable(("model", "rows hold the answer of", "cases", "answers lost"), found),
        PageTable(headings, corrected),
    )
    return PageSection("Rows that hold the answer of another case", told, tables=tables)


def _panels(replay: Replay) -> PageSection:
    cells = tuple(
        (
            row.panel.title,
            percent(row.plurality),
            percent(row.agree),
            percent(row.split),
            number(row.auroc),
            percent(row.union),
            number(row.size),
        )
        for row in replay.panels
    )
    headings = (
        "panel", "plurality", "unanimous", "otherwise", "AUROC of the vote share",
        "union holds the truth", "mean size of the union",
    )  # fmt: skip
    lists = replay.lists
    told = (
        f"The lists alone: {number(lists.length, 1)} options; a uniform guess "
        f"{percent(lists.uniform)}; always the first option {percent(lists.first)}.",
    )
    return PageSection("Panels", told, tables=(PageTable(headings, cells),))


def _pairs(replay: Replay) -> PageSection:
    cells = tuple(
        (f"{one} against {two}", percent(p.first), percent(p.second),
         f"{len(p.only_first)} and {len(p.only_second)}", f"{p.p:.3f}")
        for one, two, p, _ in replay.pairs
    )  # fmt: skip
    headings = ("models", "first", "second", "right alone", "exact McNemar p")
    return PageSection("Differences between models", tables=(PageTable(headings, cells),))


def _flags(flagged: Flagged) -> PageSection:
    found = flagged.experiment
    rows = (
        ("AUROC of agreement for “this answer is wrong”, all cases", number(found.auroc)),
        ("the same of the plain vote share", number(found.plain_auroc)),
        ("AUPRC for “this answer is wrong”", number(found.auprc)),
        ("AUROC on the halves nothing was chosen on", number(found.held_out_auroc)),
        ("accuracy of what is not flagged", percent(found.accuracy)),
        ("share of cases not flagged", percent(found.coverage)),
        ("splits with 95 % accuracy on 65 % unflagged", f"{100 * found.reached:.0f} %"),
        ("splits in which everything was flagged", f"{100 * found.none:.0f} %"),
        ("calibration error, Brier score of the vote share",
         f"{number(found.calibration.error)}; {number(found.calibration.brier)}"),
    )  # fmt: skip
    sets = tuple(
        (
            f"{100 * c.error:.0f} %",
            percent(c.coverage),
            number(c.size),
            f"{100 * c.unbounded:.0f} %",
        )
        for c in flagged.conformal
    )
    tables = [PageTable(("", ""), rows)]
    if sets:
        headings = ("error rate", "holds the truth", "mean size", "splits without a bounded set")
        tables.append(PageTable(headings, sets, "Split-conformal sets"))
    told = (
        "Agreement: half the share of votes that the winner has, half its share of models. The "
        "threshold is chosen on a random half of the cases so that with one error more than was "
        "seen 95 % would be right, and judged on the other half. Figures of halves are means over "
        "the splits, with the range that holds 95 % of them.",
    )
    plot = calibration_plot(
        found.calibration, title="Vote share and accuracy", stated="share of the votes"
    )
    return PageSection(f"Flags: {flagged.title}", told, (plot,), tuple(tables))


def _comparisons(held: Sequence[FigureComparison]) -> PageSection:
    rows = tuple((h.what, h.printed, h.ours, "yes" if h.same else "NO") for h in held)
    headings = ("figure", "published", "here", "same")
    return PageSection("Published figures and ours", tables=(PageTable(headings, rows),))


def _title(replay: Replay, model: str) -> str:
    return next(m.title for m in replay.catalogue.model if m.id == model)
