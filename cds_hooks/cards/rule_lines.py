"""What rules found in a chart without any model: one line each, the most serious first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from cds_hooks.cards import phrases
from cds_hooks.cards.annotations import says, short_facts
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.detail_blocks import escaped, joined
from cds_hooks.consultation import (
    ChartFinding,
    CheckedConsultation,
    Consultation,
    Reason,
    Seriousness,
)
from cds_hooks.plausibility.chart_rules.finding_patterns import RECORDED
from fhir_mapping.chart import Chart

__all__ = [
    "RuleLine",
    "drug_conflicts",
    "drug_results",
    "facts_told",
    "findings_of",
    "indicator_of",
    "is_recorded",
    "measured_first",
    "patterns_alone",
    "rule_lines",
]

_LINE, _NAME, _TOLD, _FACT, _TEXT = 220, 60, 60, 45, 100
_MOST_TOLD, _MOST_MISSING = 6, 3
_ABOVE_CONFLICTS = (Seriousness.CRITICAL, Seriousness.SERIOUS)


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A line of a card, as Markdown, and the facts it tells; `own`: in part by our own criteria.

    `short` names what is critical or serious, for a card on which the line does not fit.
    """

    markdown: str
    fact_ids: tuple[str, ...]
    own: bool = False
    short: str = ""


def rule_lines(
    done: Consultation, listed: CheckedConsultation | None = None
) -> tuple[RuleLine, ...]:
    """Findings that matter at once, conflicts in the chart, medication, and what is notable.

    `listed` is the consultation whose list stands on the same card, if it is an earlier one: what
    is "not on the model's list" is not on the list that is shown. What a pattern found and the
    model did not name has a line of its own only where no finding of that name tells it.
    """
    flagged = {_named_by(reason) for reason in _red_flags(listed or done)}
    urgent = [f for f in done.chart_findings if f.seriousness in _ABOVE_CONFLICTS]
    notable = [f for f in done.chart_findings if f.seriousness not in _ABOVE_CONFLICTS]
    words = texts().blocks
    same = [f for at, f in enumerate(urgent) if _is_told_by(f, urgent[:at])]
    return (
        *(_finding(f, flagged) for f in urgent if f not in same),
        *([_same(same)] if same else []),
        *(_pattern(r, done) for r in patterns_alone(done)),
        *(_reason(words["conflict"], r, done) for r in done.contradictions),
        *(_reason(words["drug"], r, done) for r in drug_conflicts(done)),
        *(_finding(f, flagged) for f in notable),
    )


def drug_conflicts(done: Consultation) -> tuple[Reason, ...]:
    """Drugs that are known to conflict with what the chart records."""
    return tuple(r for r in done.medication_concerns if r.check == "drug-and-problem")


def drug_results(done: Consultation) -> tuple[Reason, ...]:
    """Abnormal results that a current drug can cause."""
    return tuple(r for r in done.medication_concerns if r.check == "drug-and-result")


def indicator_of(done: Consultation) -> str:
    """By what rules found alone: no model raises it.

    `critical` for a finding on which life depends now, `warning` for a serious finding and for
    entries that contradict each other, `info` for everything else (docs/clinicians/cards.md says
    why).
    """
    found = {finding.seriousness for finding in done.chart_findings}
    if Seriousness.CRITICAL in found:
        return "critical"
    serious = Seriousness.SERIOUS in found or patterns_alone(done)
    return "warning" if serious or done.contradictions else "info"


def _finding(finding: ChartFinding, flagged: Collection[str]) -> RuleLine:
    words = texts().blocks
    name = escaped(phrases.name(finding.diagnosis), _NAME)
    mark = words["own_mark"] if finding.own else ""
    told = [escaped(phrases.remark(each), _TOLD) for each in findings_of(finding)[:_MOST_TOLD]]
    more = [escaped(phrases.remark(finding.score), _TEXT)] if finding.score else []
    if finding.missing:
        missing = ", ".join(finding.missing[:_MOST_MISSING])
        more.append(escaped(words["score_missing"].format(missing=missing), _TEXT))
    if finding.diagnosis in flagged:
        more.append(words["not_listed"])
    state = words["recorded"] if is_recorded(finding) else texts().seriousness[finding.seriousness]
    lead = f"**{name}**{mark} ({state}): "
    line = joined(lead, [*told, *more], _LINE)
    short = f"{name}{mark} ({state})" if finding.seriousness in _ABOVE_CONFLICTS else ""
    return RuleLine(line, finding.fact_ids, bool(finding.own), short)


def is_recorded(finding: ChartFinding) -> bool:
    """Whether the diagnosis is recorded as of this encounter."""
    return finding.told[:1] != () and finding.told[0].startswith(RECORDED)


def findings_of(finding: ChartFinding) -> tuple[str, ...]:
    """What the chart tells for it, without the entry that records it and without its own name."""
    told = finding.told[1:] if is_recorded(finding) else finding.told
    more = tuple(each for each in told if each.casefold() != finding.diagnosis.casefold())
    return more or told


def _is_told_by(finding: ChartFinding, earlier: Sequence[ChartFinding]) -> bool:
    """Whether an earlier line tells all facts of a finding and more: then its name is enough."""
    return any(set(finding.fact_ids) < set(f.fact_ids) for f in earlier) and not finding.score


def _same(findings: Sequence[ChartFinding]) -> RuleLine:
    """Findings that earlier lines tell the facts of, by their names."""
    words = texts()
    names = [
        f"{escaped(phrases.name(f.diagnosis), _NAME)} ({words.seriousness[f.seriousness]})"
        for f in findings
    ]
    ids = tuple(i for f in findings for i in f.fact_ids)
    return RuleLine(joined(f"**{words.blocks['same']}**: ", names, _LINE), ids)


def _pattern(reason: Reason, done: Consultation) -> RuleLine:
    name, _, said = says(reason).partition(": ")
    facts = [
        escaped(fact, _FACT) for fact in short_facts(measured_first(reason, done), done.chart, 3)
    ]
    parts = [*(facts or [escaped(said or name, _TEXT)]), texts().blocks["not_listed"]]
    return RuleLine(joined(f"**{escaped(name, _NAME)}**: ", parts, _LINE), reason.fact_ids)


def _reason(title: str, reason: Reason, done: Consultation) -> RuleLine:
    facts = [escaped(fact, _FACT) for fact in short_facts(reason, done.chart, 2)]
    parts = [escaped(says(reason), _TEXT), *facts]
    return RuleLine(joined(f"**{title}**: ", parts, _LINE), reason.fact_ids)


def measured_first(reason: Reason, done: Consultation) -> Reason:
    """The reason with abnormal results before notes and complaints: values tell more."""
    abnormal = {f.id for f in done.chart.facts if f.flag is not None and f.flag.is_abnormal}
    ids = sorted(reason.fact_ids, key=lambda fact_id: fact_id not in abnormal)
    return replace(reason, fact_ids=tuple(ids))


def patterns_alone(done: Consultation) -> tuple[Reason, ...]:
    """What patterns found, the model did not name, and no finding of the rules tells."""
    told = {finding.diagnosis for finding in done.chart_findings}
    return tuple(r for r in _red_flags(done) if _named_by(r) not in told)


def _red_flags(done: Consultation) -> tuple[Reason, ...]:
    return done.red_flags if isinstance(done, CheckedConsultation) else ()


def _named_by(reason: Reason) -> str:
    return reason.text.partition(": ")[0]


def facts_told(lines: Sequence[RuleLine], chart: Chart) -> set[str]:
    """The texts of the facts that lines tell: ids are of one chart, a list may be of another."""
    ids = {fact_id for line in lines for fact_id in line.fact_ids}
    return {fact.text for fact in chart.facts if fact.id in ids}
