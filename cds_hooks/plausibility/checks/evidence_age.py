"""Is cited evidence of now: young enough for its kind, and not overtaken by a newer result?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cds_hooks.consultation import Evidence, Reason
from cds_hooks.plausibility.chart.results_by_analyte import Results, analytes_of
from cds_hooks.plausibility.checks.check import ABSTAIN, CheckedDiagnosis
from cds_hooks.plausibility.data_files import read_toml
from fhir_mapping.chart import Fact

__all__ = ["EvidenceRecent", "EvidenceSuperseded", "limit_days", "recency"]


@dataclass(frozen=True, slots=True)
class EvidenceRecent:
    """Cited results are recent enough to say something of now."""

    id: str = "evidence-recent"
    source: str = "this service's own limits with their reasons, data/recency.toml"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        cited = case.known((*case.evidence_for, *case.evidence_against))
        old = [e.fact_id for e in cited if _is_old(case.indexed.facts[e.fact_id])]
        if old:
            text = "cited facts are older than what tells of now"
            yield Reason(self.id, ABSTAIN, text, tuple(dict.fromkeys(old)), self.source)


@dataclass(frozen=True, slots=True)
class EvidenceSuperseded:
    """A cited abnormal result is the newest of its kind, or the newer one lies there too."""

    id: str = "evidence-superseded"
    source: str = "the chart itself"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        results, facts = case.indexed.results, case.indexed.facts
        pairs = [
            (e.fact_id, newer.id)
            for e in case.known(case.evidence_for)
            if (newer := _overtaken(e, facts[e.fact_id], results)) is not None
        ]
        if pairs:
            ids = tuple(dict.fromkeys(i for pair in pairs for i in pair))
            text = "a newer result of the same measurement lies elsewhere"
            yield Reason(self.id, ABSTAIN, text, ids, self.source)


@dataclass(frozen=True, slots=True)
class Recency:
    """Limits in days, by kind of fact and by what was measured."""

    kinds: dict[str, float]
    analytes: dict[str, float]


@cache
def recency() -> Recency:
    """The shipped table `data/recency.toml`."""
    raw = read_toml("recency.toml")
    groups = raw["group"]
    analytes = {a: float(g["days"]) for g in groups for a in g["analytes"]}
    return Recency({k: float(v) for k, v in raw["days"].items()}, analytes)


def limit_days(fact: Fact) -> float | None:
    """How old a fact may be; None for what does not age."""
    known = recency()
    of_kind = known.kinds.get(fact.kind.value)
    if of_kind is None:
        return None
    limits = [known.analytes[a] for a in analytes_of(fact) if a in known.analytes]
    return min([of_kind, *limits])


def _is_old(fact: Fact) -> bool:
    limit = limit_days(fact)
    return limit is not None and fact.days_ago is not None and fact.days_ago > limit


def _overtaken(cited: Evidence, fact: Fact, results: Results) -> Fact | None:
    """The newest result of the same measurement when it is normal or on the other side."""
    if fact.flag is None or not fact.flag.is_abnormal or cited.claim not in _CLAIMS:
        return None
    for analyte in analytes_of(fact):
        newest = results.of(analyte)[0]
        if newest is not fact and _is_newer(newest, fact) and _elsewhere(newest, fact):
            return newest
    return None


_CLAIMS = frozenset({"high", "low", "abnormal", "present"})


def _is_newer(one: Fact, other: Fact) -> bool:
    known = one.days_ago is not None and other.days_ago is not None
    return known and (one.days_ago or 0.0) < (other.days_ago or 0.0)


def _elsewhere(newest: Fact, fact: Fact) -> bool:
    if newest.flag is None or fact.flag is None:
        return False
    same = newest.flag.is_high is fact.flag.is_high and newest.flag.is_low is fact.flag.is_low
    return not newest.flag.is_abnormal or not same
