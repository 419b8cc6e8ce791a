"""The sections of a trial's page on what verdicts, votes and rules are worth."""

from __future__ import annotations

from cds_hooks.evaluation.metrics import Bin, CalibrationCurve, Figure
from cds_hooks.evaluation.report.page import PageSection, PageTable, number, percent
from cds_hooks.evaluation.report.svg import calibration_plot, interval_plot
from cds_hooks.trial.report import TrialReport
from cds_hooks.trial.report.calibration import Reliability
from cds_hooks.trial.report.rule_findings import RuleRow

__all__ = ["calibrations", "rules", "struck_out", "verdicts"]

_TOO_FEW = "too few"
_RANGES = ("stated share", "mean", "matches an outcome")


def struck_out(report: TrialReport) -> PageSection:
    """What the rules took away, and what they let stand."""
    told = report.struck_out
    rows = (
        ("struck out and right, of all struck out", percent(told.right)),
        ("cases whose outcome was struck out and not shown elsewhere", percent(told.lost)),
        ("supported and wrong, of all supported", percent(told.supported_wrong)),
    )
    text = (
        "Right is what matches an outcome. The first two say what striking out costs; the third "
        "how often “supported” stands at a diagnosis that nobody charted.",
    )
    table = PageTable(("what", "share"), rows)
    return PageSection("Struck out, and supported", text, tables=(table,))


def verdicts(report: TrialReport) -> PageSection:
    """How often a diagnosis with each verdict came true."""
    rows = tuple((r.verdict.value, percent(r.right)) for r in report.verdicts)
    shown = [(r.verdict.value, r.right) for r in report.verdicts if r.right.n]
    plots = (interval_plot(shown, title="Diagnoses that match an outcome, by verdict"),)
    text = (
        "Over every diagnosis of every list, struck-out ones included. A verdict is worth "
        "something where a better one comes true more often than a worse one. None is a "
        "probability: a list holds several diagnoses, and most patients have one outcome.",
    )
    table = PageTable(("verdict", "matches an outcome"), rows)
    return PageSection("Verdicts", text, plots if shown else (), (table,))


def calibrations(report: TrialReport) -> tuple[PageSection, ...]:
    """Votes, and a verifier's probabilities where there are any."""
    votes = _calibration("Votes", "share of samples that agree", report.votes)
    if report.probabilities is None:
        return (votes,)
    stated = "probability that the verifier states"
    return votes, _calibration("Verifier", stated, report.probabilities)


def _calibration(title: str, stated: str, found: Reliability | None) -> PageSection:
    if found is None:
        return PageSection(title, ("No list of the trial has any.",))
    text = (
        f"Horizontal is the {stated}, over diagnoses that were shown; on the dashed line it is "
        "the share that comes true.",
        f"Expected calibration error {number(found.error, 3)}; by chance alone it would be "
        f"{found.by_chance:.3f}. Brier score {number(found.brier, 3)}.",
    )
    curve = CalibrationCurve(
        tuple(Bin(b.low, b.high, b.stated, b.observed) for b in found.bins),
        found.error,
        found.brier,
    )
    rows = tuple(
        (f"{b.low:.1f} to {b.high:.1f}", f"{b.stated:.2f}", percent(b.observed)) for b in found.bins
    )
    plot = calibration_plot(curve, title=f"{title} and outcomes", stated=stated)
    return PageSection(title, text, (plot,), (PageTable(_RANGES, rows, "Reliability"),))


def rules(report: TrialReport) -> PageSection:
    """Each rule with how often it was right, and what it caught."""
    found = report.rules
    text: tuple[str, ...] = (
        f"Findings of rules that match an outcome: {_told(found.right)}. Outcomes that a rule "
        f"has a code for, and none that names them fired: {_told(found.missed)}.",
        f"{found.uncoded} findings name a state without a code, which no outcome can confirm.",
        f"Counts of 1 to {report.least - 1} are not told, nor what would let one be worked out. "
        "A warning is "
        "worth having although most of what it warns of does not come: read these shares beside "
        "what a miss would cost.",
    )
    told = tuple(_rule(row) for row in found.rows if _is_told(row))
    unheard = sum(row.fired == 0 for row in found.rows)
    if unheard:
        text = (*text, f"Rules with a code that never fired: {unheard}.")
    headings = ("rule", "cases", "right when it fired", "fired when it was so")
    return PageSection("Rules", text, tables=(PageTable(headings, told),) if told else ())


def _is_told(row: RuleRow) -> bool:
    """Whether there is anything to tell: it fired, or had something to find."""
    return row.fired != 0 or bool(row.caught and row.caught.n)


def _rule(row: RuleRow) -> tuple[str, ...]:
    fired = _TOO_FEW if row.fired is None else str(row.fired)
    return (row.rule, fired, _told(row.right), _told(row.caught))


def _told(figure: Figure | None) -> str:
    return _TOO_FEW if figure is None else percent(figure)
