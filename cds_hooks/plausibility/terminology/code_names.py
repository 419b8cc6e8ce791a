"""Names for codes that came without words, by the compiled terminology.

An ICD-10-CM code gets its own name. Of other editions of ICD-10 only the category is taken over,
with the code as it came: their subdivisions differ (R65.2 is another thing in ICD-10-GM).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cds_hooks.plausibility.terminology import Terminology
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from cds_hooks.plausibility.terminology.term_store import TerminologyError
from fhir_mapping.chart import Code

__all__ = ["names_at", "names_by"]

Names = Callable[[Code], str | None]

_CLINICAL_MODIFICATION = frozenset(
    {"http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90"}
)
_OTHER_EDITIONS = {
    "http://hl7.org/fhir/sid/icd-10": "ICD-10",
    "urn:oid:2.16.840.1.113883.6.3": "ICD-10",
    "http://hl7.org/fhir/sid/icd-10-gm": "ICD-10-GM",
    "http://hl7.org/fhir/sid/icd-10-de": "ICD-10-GM",
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": "ICD-10-GM",
    "http://fhir.de/CodeSystem/dimdi/icd-10-gm": "ICD-10-GM",
}
_CATEGORY = 3


def names_by(terminology: Terminology) -> Names:
    """The names of codes by an open terminology; None of a code or system it does not have."""
    return lambda code: _name(terminology, code)


def names_at(path: Path) -> Names:
    """The same of a terminology file, opened when the first code without words comes; without the
    file, or with one that cannot be read, no code has a name."""

    @lru_cache(maxsize=1)
    def opened() -> Terminology | None:
        try:
            return Terminology(path)
        except TerminologyError:
            return None

    def name(code: Code) -> str | None:
        if code.system not in _CLINICAL_MODIFICATION and code.system not in _OTHER_EDITIONS:
            return None
        terminology = opened()
        return None if terminology is None else _name(terminology, code)

    return name


def _name(terminology: Terminology, code: Code) -> str | None:
    if code.system in _CLINICAL_MODIFICATION:
        return _listed(terminology, code.code)
    edition = _OTHER_EDITIONS.get(code.system)
    category = _listed(terminology, code.code[:_CATEGORY]) if edition else None
    return f"{category} ({edition} {code.code})" if category else None


def _listed(terminology: Terminology, code: str) -> str | None:
    concept = terminology.concept(code)
    return concept.display if concept is not None and concept.system == ICD_10_CM else None
