"""One sentence under 140 characters: what a reader sees before opening anything.

Rules first: the most serious thing that is found in the chart, with its values; then, if
it fits, the best supported of the model's list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from cds_hooks.cards import phrases
from cds_hooks.cards.annotations import says
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.differential_list import accepted_by_verdict
from cds_hooks.cards.escape import capped, plain
from cds_hooks.cards.rule_lines import (
    drug_conflicts,
    findings_of,
    is_recorded,
    measured_first,
    patterns_alone,
)
from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    CheckedConsultation,
    Consultation,
    Reason,
    Verdict,
)

__all__ = ["LIMIT", "fitted", "list_summary", "rules_summary", "with_first_that_fits"]

LIMIT = 139
"""CDS Hooks 2.0.1: a summary has fewer than 140 characters."""

_NAME, _TOLD, _MOST_TOLD = 60, 40, 4
_SENTENCE_END = re.compile(r"[.!?]+(?=\W|$)")


def fitted(text: str) -> str:
    """One plain sentence within the limit."""
    return capped(plain(text), LIMIT)


def with_first_that_fits(text: str, more: Sequence[str]) -> str:
    """The sentence with the first of `more` behind it that fits whole."""
    longer = (f"{text}; {each}" if text else each for each in more)
    return next((each for each in longer if len(each) <= LIMIT), text)


def rules_summary(done: Consultation) -> str:
    """ "Rules: findings fit pulmonary embolism (SpO2 90 %, D-dimer 3.8 mg/L)"; "" with nothing."""
    words = texts().summary
    reasons = (*done.contradictions, *drug_conflicts(done))
    if done.chart_findings:
        first, *others = done.chart_findings
        return _with_others(f"{words.rules}: {_finding(first)}", first, others)
    if patterns_alone(done):
        return f"{words.rules}: {_pattern(patterns_alone(done)[0], done)}"
    return capped(f"{words.rules}: {_reason(reasons[0], done)}", LIMIT) if reasons else ""


def list_summary(done: CheckedConsultation, lead: str) -> tuple[str, ...]:
    """Sentences that name the accepted diagnoses, the best supported first, after `lead`: one with
    all of them, then each with one name less. An uncertain one is named only where none is better.
    """
    accepted = accepted_by_verdict(done.assessments)
    if not accepted:
        return (f"{lead}: {_nothing(done.assessments)}",)
    better = [a for a in accepted if a.verdict is not Verdict.UNCERTAIN]
    rest = len(accepted) - len(better)
    end = f"; {texts().summary.uncertain.format(count=rest)}" if better and rest else ""
    named = better or accepted
    whole = f"{lead}: {_named(named, len(named), len(named))}{end}"
    counts = range(len(named) - (not rest or named is accepted), 0, -1)
    return (whole, *(f"{lead}: {_named(named, count, len(accepted))}" for count in counts))


def _finding(finding: ChartFinding) -> str:
    """With as many of its values as fit beside it, whole ones before those that are cut."""
    words = texts().summary.fit_recorded if is_recorded(finding) else texts().summary.fit
    text = words.format(name=_lowered(_short(finding.diagnosis)))
    whole = (_within(phrases.remark(each)) for each in findings_of(finding))
    told = [capped(t, _TOLD) for t in sorted(whole, key=lambda t: len(t) > _TOLD)][:_MOST_TOLD]
    for count in range(len(told), 0, -1):
        longer = f"{text} ({', '.join(told[:count])})"
        if len(longer) + len(texts().summary.rules) + 2 <= LIMIT:
            return longer
    return text


def _pattern(reason: Reason, done: Consultation) -> str:
    """What a pattern fits, with the abnormal results that it looked at."""
    facts = [f for i in measured_first(reason, done).fact_ids if (f := done.chart.fact(i))]
    abnormal = [f for f in facts if f.flag is not None and f.flag.is_abnormal][:2]
    name = _lowered(_short(says(reason).partition(": ")[0]))
    text = texts().summary.fit.format(name=name)
    told = ", ".join(capped(_within(phrases.short_text(f)), _TOLD) for f in abnormal)
    longer = f"{text} ({told})" if told else text
    return longer if len(longer) + len(texts().summary.rules) + 2 <= LIMIT else text


def _with_others(text: str, first: ChartFinding, others: Sequence[ChartFinding]) -> str:
    names = [_lowered(_short(f.diagnosis)) for f in others if f.diagnosis != first.diagnosis]
    also = texts().summary.also
    tries = [
        also.format(names=", ".join(names[:count]))
        + (f" +{len(names) - count} more" if count < len(names) else "")
        for count in range(len(names), 0, -1)
    ]
    longer = with_first_that_fits(text, tries)
    return (
        longer
        if longer != text or not names
        else with_first_that_fits(text, [f"+{len(names)} more"])
    )


def _reason(reason: Reason, done: Consultation) -> str:
    """What does not fit, with the entries concerned by their words alone."""
    facts = [fact for i in reason.fact_ids if (fact := done.chart.fact(i))]
    told = ", ".join(capped(_within(phrases.short_text(f)), _TOLD) for f in facts[:2])
    said = _within(says(reason))
    return f"{said} ({told})" if told else said


def _nothing(assessments: Sequence[Assessment]) -> str:
    recorded = bool(assessments) and all(a.verdict is Verdict.RECORDED for a in assessments)
    words = texts().summary
    return words.only_recorded if recorded else words.none_stands


def _named(accepted: Sequence[Assessment], count: int, of_all: int) -> str:
    """The first `count` names, those of one verdict together; the rest of all as a number."""
    shown = groupby(accepted[:count], key=lambda a: a.verdict)
    parts = (
        f"{', '.join(_short(phrases.name(a.name)) for a in of)} ({v.value})" for v, of in shown
    )
    more = f" +{of_all - count} more" if count < of_all else ""
    return "; ".join(parts) + more


def _lowered(name: str) -> str:
    """As it stands within a sentence: "Pulmonary embolism" small, "STEMI" and "Lyme" not."""
    first = re.split(r"[\s-]", name, maxsplit=1)[0]
    keeps = first in texts().summary.proper or any(c.isupper() or c.isdigit() for c in name[1:])
    return name if keeps else name[:1].lower() + name[1:]


def _short(name: str) -> str:
    """A name without anything that would end the sentence it stands in."""
    return capped(_within(name), _NAME) or texts().withheld["nameless"]


def _within(text: str) -> str:
    return _SENTENCE_END.sub("", plain(text)).strip()
