"""One sentence under 140 characters: what a reader sees before opening anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cds_hooks.cards import phrases
from cds_hooks.cards.around import says
from cds_hooks.cards.data import texts
from cds_hooks.cards.escape import capped, plain
from cds_hooks.cards.view import holds
from cds_hooks.consultation import Assessment, Consultation, Group, Verdict

__all__ = ["LIMIT", "differential_summary", "fitted"]

LIMIT = 139
"""CDS Hooks 2.0.1: a summary has fewer than 140 characters."""

_NAME = 60
_SENTENCE_END = re.compile(r"[.!?]+(?=\W|$)")


def fitted(text: str) -> str:
    """One plain sentence within the limit."""
    return capped(plain(text), LIMIT)


def differential_summary(consultation: Consultation, age: str = "") -> str:
    """The diagnoses the checks left standing, as many as fit; a demonstration model is named so."""
    words = texts().summary
    demonstration = consultation.model is not None and consultation.model.demonstration
    lead = words["demonstration" if demonstration else "plain"]
    lead = f"{lead}, {age}: " if age else f"{lead}: "
    standing = [a for a in consultation.assessments if holds(a)]
    if not standing:
        return fitted(lead + _nothing(consultation.assessments))
    for count in range(len(standing), 0, -1):
        text = lead + _named(standing, count)
        if len(text) <= LIMIT:
            return _with_overlooked(text, consultation)
    return capped(text, LIMIT)


def _with_overlooked(text: str, consultation: Consultation) -> str:
    """The sentence with the first diagnosis that was not considered, when there is room for it."""
    if not consultation.not_considered:
        return text
    name = _short(says(consultation.not_considered[0]).partition(": ")[0])
    longer = f"{text}; {texts().summary['not_considered']}: {name}"
    return longer if len(longer) <= LIMIT else text


def _nothing(assessments: Sequence[Assessment]) -> str:
    recorded = all(a.verdict is Verdict.RECORDED for a in assessments) and assessments
    return texts().summary["only_recorded" if recorded else "none_held"]


def _named(standing: Sequence[Assessment], count: int) -> str:
    """The first `count` names; must-not-miss ones named so, the rest as a number."""
    shown = standing[:count]
    likely = _names(a for a in shown if a.group is Group.LIKELY)
    parts = [likely]
    if missed := _names(a for a in shown if a.group is Group.MUST_NOT_MISS):
        missed = f"{texts().summary['must_not_miss']}: {missed}"
        parts.append(f"({missed})" if likely else missed)
    if count < len(standing):
        parts.append(f"+{len(standing) - count} more")
    return " ".join(part for part in parts if part)


def _names(assessments: Iterable[Assessment]) -> str:
    return "; ".join(_short(phrases.name(assessment.name)) for assessment in assessments)


def _short(name: str) -> str:
    """A name without anything that would end the sentence it stands in."""
    within = _SENTENCE_END.sub("", plain(name)).strip()
    return capped(within, _NAME) or texts().withheld["nameless"]
