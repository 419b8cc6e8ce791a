"""Is the name a diagnosis that a terminology knows?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, PASS, CheckedDiagnosis
from cds_hooks.plausibility.terminology.name_keys import tables, words
from cds_hooks.plausibility.terminology.non_diagnoses import NonDiagnosisKind
from cds_hooks.plausibility.terminology.resolution import MatchStatus, Resolution

__all__ = ["NameRecognised", "entered_name"]

_STATE = tables().turning | {"former", "hx", "post", "prior", "previous", "removal", "risk", "sp"}
_WHERE = "ICD-10-CM, MeSH, the Disease Ontology or MONDO"


@dataclass(frozen=True, slots=True)
class NameRecognised:
    """Passes when every word is accounted for. Not found is never "does not exist"."""

    id: str = "name-recognised"
    source: str = "ICD-10-CM tabular list (CMS/NCHS); MeSH (NLM); Human Disease Ontology; MONDO"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        yield from self.of(case.resolution)

    def of(self, found: Resolution) -> Iterator[Reason]:
        """The reason for a name that was looked up."""
        result, text = _judge(found)
        yield Reason(self.id, result, text, source=self.source)


def entered_name(name: str, found: Resolution, *, coded: bool) -> Iterator[Reason]:
    """Of a problem that a clinician entered only that its name is in no terminology, or that it is
    no diagnosis. A name with a code of another system is somebody's term: of these only a drug is
    told. What names a state ("history of ...", "status post ...") is not looked up."""
    if found.recognised or _in_part(found) or not _STATE.isdisjoint(words(name)):
        return
    drug = found.other is not None and found.other.kind is NonDiagnosisKind.SUBSTANCE
    if drug or not coded:
        yield from NameRecognised().of(found)


def _in_part(found: Resolution) -> bool:
    return found.status is not MatchStatus.NOT_FOUND and found.other is None


def _judge(found: Resolution) -> tuple[str, str]:
    if found.other is not None:
        named = f": {found.other.display}" if found.other.display else ""
        return FAIL, f"not a diagnosis but {found.other.kind}{named}"
    if found.status is MatchStatus.NOT_FOUND:
        return FAIL, f"not found in {_WHERE}"
    if found.uncovered:
        words = ", ".join(found.uncovered)
        return ABSTAIN, f"only a part is found in {_WHERE}: {found.matched} (left over: {words})"
    if found.status is MatchStatus.AMBIGUOUS:
        return PASS, f"found in {_WHERE} under more than one concept: {found.matched}"
    if found.qualifiers:
        return PASS, f"found in {_WHERE} as a kind of: {found.matched}"
    if found.status is MatchStatus.PARTIAL:
        return PASS, f"found in {_WHERE} within a longer term: {found.matched}"
    return PASS, f"found in {_WHERE}: {found.matched}"
