"""Which findings of a rule a card tells first, and which another one tells already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache

from cds_hooks.plausibility.chart.finding_index import findings
from cds_hooks.plausibility.chart_rules.criteria import MetCriterion, result_limits
from cds_hooks.plausibility.chart_rules.phrases import labels
from fhir_mapping.findings.vocabulary import wider

__all__ = ["analyte_of", "distinct_findings", "is_specific", "ordered_findings"]

_SPECIFIC = 5
"""A finding that rules of at most this many diagnoses name tells more than a common one (ours)."""


def analyte_of(name: str) -> str:
    """The analyte that a criterion measures, else the criterion."""
    if name in result_limits():
        return result_limits()[name].analyte
    finding = findings().get(name)
    return finding.result.analyte if finding and finding.result else name


def distinct_findings(told: Iterable[MetCriterion]) -> list[MetCriterion]:
    """Each phrase once, without a wider finding beside a narrower one, nor one in words beside the
    value that says it: as many findings as there are."""
    found = list({m.phrase: m for m in told}.values())
    implied = {wide for m in found for wide in _implied(m)}
    return [m for m in found if m.name not in implied]


def ordered_findings(
    told: Iterable[MetCriterion], spread: Mapping[str, int], required: Collection[str]
) -> list[MetCriterion]:
    """Specific findings and measured values that a rule requires, then other values, then what is
    common, then histories.

    `spread` says of how many diagnoses the rules name a finding; `required` are the criteria that
    the rule cannot do without."""

    def key(met: MetCriterion) -> tuple[int, bool, int]:
        rank = _rank(met, spread)
        first = rank == 1 and met.name in required
        rarity = spread.get(analyte_of(met.name), 0) if rank < 2 else 0
        return (0 if first else rank), not _measured(met), rarity

    found = distinct_findings(told)
    again = {name for m in found for name in _told_by().get(m.name, ())}
    return sorted((m for m in found if m.name not in again), key=key)


def is_specific(met: MetCriterion, spread: Mapping[str, int]) -> bool:
    """Whether few diagnoses have the finding."""
    return _rank(met, spread) == 0


def _rank(met: MetCriterion, spread: Mapping[str, int]) -> int:
    if met.background:
        return 3
    analyte = analyte_of(met.name)
    if analyte in _common():
        return 2
    if spread.get(analyte, 0) <= _SPECIFIC:
        return 0
    return 1 if _measured(met) else 2


def _measured(met: MetCriterion) -> bool:
    return any(char.isdigit() for char in met.phrase)


def _implied(met: MetCriterion) -> Sequence[str]:
    measured = labels()["measures"].get(analyte_of(met.name), ()) if _measured(met) else ()
    return [*wider().get(met.name, ()), *(name for name in measured if name != met.name)]


@cache
def _common() -> frozenset[str]:
    return frozenset(labels()["order"]["common"])


@cache
def _told_by() -> Mapping[str, Sequence[str]]:
    return labels()["told_by"]
