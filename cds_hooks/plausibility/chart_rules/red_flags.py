"""Red flags: diagnoses that the chart's findings fit and that no sample of a model named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cds_hooks.consultation import Assessment, ChartFinding, Reason
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart_rules.finding_patterns import (
    RECORDED,
    FindingPattern,
    completed_patterns,
)
from cds_hooks.plausibility.terminology import Concept, Terminology
from cds_hooks.plausibility.terminology.name_keys import key, key_words

__all__ = ["find_red_flags"]


def find_red_flags(
    finding_index: FindingIndex, assessments: Sequence[Assessment], terminology: Terminology
) -> tuple[Reason, ...]:
    """One reason for each pattern that the chart completes and whose diagnosis is not on the list,
    the most serious first.

    It says that the model did not name the diagnosis, with the facts; it does not say that the
    patient has it. A history or a chronic form on the problem list does not silence a pattern; the
    acute event recorded in this encounter does.
    """
    named = [
        (terminology.resolve(name).concepts, key(key_words(name)))
        for one in assessments
        for name in dict.fromkeys((one.name, *one.written_as))
    ]
    return tuple(
        _reason(finding)
        for pattern, finding in completed_patterns(finding_index)
        if not _is_recorded(finding) and not _is_on_list(pattern, named)
    )


def _is_recorded(finding: ChartFinding) -> bool:
    return bool(finding.told) and finding.told[0].startswith(RECORDED)


def _reason(finding: ChartFinding) -> Reason:
    text = f"{finding.diagnosis}: the chart tells of {', '.join(finding.told)}"
    return Reason("red-flag", "fail", text, finding.fact_ids, finding.source)


def _is_on_list(pattern: FindingPattern, named: Iterable[tuple[tuple[Concept, ...], str]]) -> bool:
    """Whether a diagnosis of the list is the pattern's, a kind of it, or has the same name."""
    own = key(key_words(pattern.diagnosis))
    return any(pattern.concerns(concepts) or called == own for concepts, called in named)
