"""All that is known of a consultation, for its own page: what does not fit on a card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cds_hooks.cards.annotations import order_of, sure_of
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.differential_list import model_consensus
from cds_hooks.cards.full_detail_views import (
    ConflictView,
    FindingView,
    GroupView,
    conflicts_of,
    findings_of,
    groups_of,
)
from cds_hooks.cards.rule_lines import drug_conflicts, drug_results
from cds_hooks.cards.speak_policy import is_demonstration
from cds_hooks.consultation import CheckedConsultation, Consultation, Reason
from fhir_mapping.chart import Chart

__all__ = ["FullDetail", "RemarkGroup", "full_detail"]


@dataclass(frozen=True, slots=True)
class RemarkGroup:
    """What rules say of entries of one kind, under a title."""

    title: str
    lines: tuple[ConflictView, ...]


@dataclass(frozen=True, slots=True)
class FullDetail:
    """Every string is as it is told, still to be escaped for its page.

    By rules alone: `findings`, the most serious first, `conflicts` of entries and of medication,
    and `untold`, which the list does not tell although the chart has it. Of the model: `groups`.
    """

    findings: tuple[FindingView, ...]
    conflicts: tuple[RemarkGroup, ...]
    groups: tuple[GroupView, ...]
    untold: tuple[RemarkGroup, ...]
    demonstration: bool
    consensus: str = ""
    agreement: str = ""
    order: str = ""


def full_detail(
    done: Consultation,
    discriminates: Callable[[str], bool] | None = None,
    listed: CheckedConsultation | None = None,
) -> FullDetail:
    """Every finding with its source, every diagnosis with all evidence and reasons.

    `listed` is the answer whose list is shown, if it is an earlier one. `discriminates` knows the
    names of tests and findings; without it no discriminator is shown.
    """
    checked = listed or (done if isinstance(done, CheckedConsultation) else None)
    consensus = model_consensus(checked) if checked else None
    return FullDetail(
        findings=findings_of(done),
        conflicts=_groups(
            done.chart, {"conflicts": done.contradictions, "drug_conflicts": drug_conflicts(done)}
        ),
        groups=groups_of(checked, discriminates) if checked else (),
        untold=_untold(done, checked),
        demonstration=is_demonstration(checked or done) and bool(checked and checked.assessments),
        consensus=consensus.told if consensus else "",
        agreement=sure_of(checked.truth_set if checked else None),
        order=order_of(checked.ranking if checked else None),
    )


def _untold(done: Consultation, checked: CheckedConsultation | None) -> tuple[RemarkGroup, ...]:
    flags = {"red_flags": checked.red_flags} if checked else {}
    drugs = {"drugs": drug_results(done)}
    left = {"unexplained": checked.unexplained} if checked else {}
    of_list = checked.chart if checked else done.chart
    return (
        *_groups(of_list, flags),
        *_groups(done.chart, drugs),
        *_groups(of_list, left),
    )


def _groups(chart: Chart, found: Mapping[str, Sequence[Reason]]) -> tuple[RemarkGroup, ...]:
    titles = texts().annotations
    return tuple(RemarkGroup(titles[k], conflicts_of(v, chart)) for k, v in found.items() if v)
