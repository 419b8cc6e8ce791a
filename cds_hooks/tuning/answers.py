"""The answer that would have been right: the service's own JSON, the truth first, true citations.

Nothing is invented about the chart: each diagnosis cites facts that the relevance tables know to
speak for it, else what the patient came for, and says of them what the chart says. Ranks below
the first are diagnoses that somebody considered, or truths of similar cases that are trained on:
nobody said that they are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from cds_hooks.consultation import Candidate, Differential, Evidence, Group
from cds_hooks.evaluation.labels import label_key
from cds_hooks.plausibility.agreement.merged_candidates import merge_candidates
from cds_hooks.plausibility.chart.finding_index import FindingIndex
from cds_hooks.plausibility.chart.indexed_chart import index_chart
from cds_hooks.plausibility.checks.check import PASS, CheckedDiagnosis
from cds_hooks.plausibility.checks.evidence import claim_result, is_about_another
from cds_hooks.plausibility.relevance import link_evidence
from cds_hooks.plausibility.rules.must_not_miss import must_not_miss
from cds_hooks.plausibility.terminology import Terminology
from fhir_mapping.chart import Chart, Fact, Kind

__all__ = ["AnswerMaker", "Unanswerable", "compact"]

_CLAIMS = ("high", "low", "abnormal", "normal", "absent", "present")


class Unanswerable(Exception):
    """No right answer can be made of a case; `reason` is stable and kebab-case."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def compact(document: Mapping[str, Any]) -> str:
    """JSON as the engine's grammar writes it: no white space between tokens."""
    return orjson.dumps(document).decode()


@dataclass(frozen=True, slots=True)
class AnswerMaker:
    """Writes answers in the shape of a template's schema."""

    schema: Mapping[str, Any]
    terminology: Terminology

    @property
    def _diagnoses(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.schema["properties"]["diagnoses"]
        return found

    @property
    def _item_schema(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._diagnoses["items"]
        return found

    @property
    def _told(self) -> bool:
        """Whether each diagnosis has a discriminator, which nobody can make up."""
        return "discriminator" in self._item_schema["required"]

    def _cap(self, member: str) -> int:
        return int(self._item_schema["properties"][member].get("maxItems", 0))

    def answer(
        self, chart: Chart, shown: Sequence[str], gold: str, others: Iterable[Candidate | str]
    ) -> str:
        """The answer for a chart whose prompt shows these facts. Raises Unanswerable."""
        index = FindingIndex(index_chart(chart, self.terminology))
        first, *rest = self._candidates(gold, others)
        items = [self._item(first, index, shown)]
        for candidate in rest:
            if len(items) == self._diagnoses["maxItems"]:
                break
            try:
                items.append(self._item(candidate, index, shown))
            except Unanswerable:
                continue
        if len(items) < self._diagnoses["minItems"]:
            raise Unanswerable("too-few-diagnoses")
        return compact({"diagnoses": items})

    def _candidates(self, gold: str, others: Iterable[Candidate | str]) -> Iterator[Candidate]:
        """The truth, then the others without it; what somebody wrote keeps its own words."""
        written = [o if isinstance(o, Candidate) else Candidate(o, Group.LIKELY) for o in others]
        same = [c for c in written if label_key(c.diagnosis) == label_key(gold)]
        seen = {label_key(gold)}
        yield same[0] if same else Candidate(gold, Group.LIKELY)
        for candidate in written:
            key = label_key(candidate.diagnosis)
            if key and key not in seen:
                seen.add(key)
                yield candidate

    def _item(
        self, candidate: Candidate, index: FindingIndex, shown: Sequence[str]
    ) -> dict[str, Any]:
        if self._told and not candidate.discriminator:
            raise Unanswerable("no-discriminator")
        facts = index.indexed.facts
        visible = [facts[i] for i in shown if i in facts]
        cited = self._true(candidate.evidence_for, visible) or self._evidence(
            candidate, index, visible
        )
        if not cited:
            raise Unanswerable("no-evidence")
        against = self._true(candidate.evidence_against, visible)[: self._cap("against")]
        item: dict[str, Any] = {
            "name": candidate.diagnosis,
            "group": self._group(candidate).value,
            "for": [_cited(e) for e in cited[: self._cap("for")]],
            "against": [_cited(e) for e in against],
        }
        return item | ({"discriminator": candidate.discriminator} if self._told else {})

    def _true(self, evidence: Iterable[Evidence], visible: Sequence[Fact]) -> list[Evidence]:
        """What was cited, is shown and is so."""
        facts = {fact.id: fact for fact in visible}
        known = (e for e in evidence if e.fact_id in facts)
        return [e for e in known if claim_result(facts[e.fact_id], e.claim) == PASS]

    def _evidence(
        self, candidate: Candidate, index: FindingIndex, visible: Sequence[Fact]
    ) -> list[Evidence]:
        """Facts that are known to speak for it, the strongest first; else the complaints; else
        results that are not normal."""
        claims = {f.id: claim for f in visible if (claim := _claim(f)) is not None}
        linked = self._linked(candidate.diagnosis, index, claims)
        present = [f for f in visible if claims.get(f.id) not in (None, "absent", "normal")]
        complaints = [f.id for f in present if f.kind is Kind.COMPLAINT]
        abnormal = [f.id for f in present if f.is_abnormal]
        told = [f.id for f in present if f.kind in (Kind.NOTE, Kind.ENCOUNTER, Kind.PROBLEM)]
        chosen = linked or complaints or abnormal or told
        return [Evidence(i, claims[i]) for i in dict.fromkeys(chosen)]

    def _linked(self, name: str, index: FindingIndex, claims: Mapping[str, str]) -> list[str]:
        everything = tuple(Evidence(i, claim) for i, claim in claims.items())
        said = Differential((Candidate(name, Group.LIKELY, everything),))
        merged = merge_candidates([said], self.terminology, index.indexed)[0]
        case = CheckedDiagnosis(
            name=name,
            resolution=merged.resolution,
            identity=merged.identity,
            evidence_for=everything,
            evidence_against=(),
            indexed=index.indexed,
            terminology=self.terminology,
            finding_index=index,
        )
        return [link.fact_id for link in link_evidence(case).links]

    def _group(self, candidate: Candidate) -> Group:
        """By the curated list, never by what a model thought of it."""
        found = self.terminology.resolve(candidate.diagnosis)
        codes = found.codes if found.exact else ()
        return Group.MUST_NOT_MISS if must_not_miss(codes) else Group.LIKELY


def _claim(fact: Fact) -> str | None:
    """What the chart says of a fact, in the words of the answer; None where it does not tell, and
    of another person's."""
    if is_about_another(fact):
        return None
    measured = fact.value is not None or fact.flag is not None
    claims = _CLAIMS[:4] if measured else _CLAIMS[4:]
    return next((claim for claim in claims if claim_result(fact, claim) == PASS), None)


def _cited(evidence: Evidence) -> dict[str, str]:
    return {"fact": evidence.fact_id, "is": evidence.claim}
