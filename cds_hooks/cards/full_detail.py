"""All that is known of a consultation, for its own page: what does not fit on a card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cds_hooks.cards.annotations import sure_of
from cds_hooks.cards.card_data import texts
from cds_hooks.cards.differential_list import model_consensus
from cds_hooks.cards.full_detail_views import ConflictView, conflicts_of, findings_of, groups_of
from cds_hooks.cards.markdown import markdown
from cds_hooks.cards.rule_lines import drug_conflicts, drug_results
from cds_hooks.cards.speak_policy import is_demonstration
from cds_hooks.consultation import CheckedConsultation, Consultation

__all__ = ["full_detail"]


@dataclass(frozen=True, slots=True)
class _Part:
    title: str
    lines: tuple[ConflictView, ...]


def full_detail(done: Consultation, discriminates: Callable[[str], bool] | None = None) -> str:
    """Markdown of every finding with its source, every diagnosis with all evidence and reasons.

    `discriminates` knows the names of tests and findings; without it no discriminator is shown.
    """
    checked = done if isinstance(done, CheckedConsultation) else None
    consensus = model_consensus(checked) if checked else None
    shown = {
        "demonstration": is_demonstration(done) and checked and bool(checked.assessments),
        "titles": texts().annotations,
        "findings": findings_of(done),
        "conflicts": _parts(done),
        "groups": groups_of(checked, discriminates) if checked else (),
        "consensus": consensus.told if consensus else "",
        "agreement": sure_of(checked.truth_set if checked else None),
    }
    return markdown("full_detail", view=shown)


def _parts(done: Consultation) -> tuple[_Part, ...]:
    found = {
        "conflicts": done.contradictions,
        "drug_conflicts": drug_conflicts(done),
        "drugs": drug_results(done),
    }
    if isinstance(done, CheckedConsultation):
        found |= {"red_flags": done.red_flags, "unexplained": done.unexplained}
    titles = texts().annotations
    return tuple(_Part(titles[k], conflicts_of(v, done.chart)) for k, v in found.items() if v)
