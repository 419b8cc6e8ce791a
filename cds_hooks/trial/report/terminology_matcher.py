"""How near two codes are, by the terminology: across systems, and past "unspecified"."""

from __future__ import annotations

from functools import lru_cache

from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.chart.indexed_chart import general_code
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from cds_hooks.trial.cases import Code, MatchLevel
from cds_hooks.trial.report.matching import CodeMatcher
from cds_hooks.trial.report.related import groups_of

__all__ = ["TerminologyMatcher"]

_OID = "urn:oid:2.16.840.1.113883.6.90"
_CATEGORY = 3
_CACHED = 65_536


class TerminologyMatcher:
    """Compares what codes mean. A code that the terminology does not list stands for itself.

    Same: one ICD-10-CM code, where one that only adds "unspecified", "other" or "without" counts as
    its parent; a code of another system goes by the ICD-10-CM code of the same name. Category: both
    in one three-character category. Related: both in a group of `related.toml`.
    """

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self._plain = CodeMatcher()
        self._icd_of = lru_cache(maxsize=_CACHED)(self._icd)

    def __call__(self, proposed: Code, outcome: Code, /) -> MatchLevel | None:
        """The strictest level at which they match, None where they do not."""
        written = self._plain(proposed, outcome)
        mine, theirs = self._icd_of(proposed), self._icd_of(outcome)
        if written is MatchLevel.SAME or not (mine and theirs):
            return written
        if self._general(mine) == self._general(theirs):
            return MatchLevel.SAME
        if mine[:_CATEGORY] == theirs[:_CATEGORY]:
            return MatchLevel.CATEGORY
        return MatchLevel.RELATED if groups_of(mine) & groups_of(theirs) else written

    def _icd(self, code: Code) -> str:
        """The ICD-10-CM code that a code means, "" where none is known."""
        system, written = ICD_10_CM if code[0] == _OID else code[0], code[1].strip().upper()
        concept = self._terminology.concept(written)
        if concept is None or concept.system != system:
            return written if system == ICD_10_CM else ""
        return concept.code if concept.system == ICD_10_CM else concept.link or ""

    def _general(self, icd: str) -> str:
        concept = self._terminology.concept(icd)
        return general_code(concept, self._terminology) if concept else icd
