"""What a concept says and which codes it goes by; concepts that say the same are read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fhir_mapping.chart import Code
from fhir_mapping.elements.coding_marks import NO_MARKS, bare_code, marks_of
from fhir_mapping.elements.concepts import code_alone, codings, holders, name_of, null_of, unwrap
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.tables import table

__all__ = ["Term", "TermReader", "identity_of"]

_MOST_CODES = 6
"""How many codings of one concept are kept: beyond it they are translations of each other."""


@dataclass(frozen=True, slots=True)
class Term:
    """`name` is short and cleaned, '' if the concept has no words; `code` is the first code in
    lower case. `identity` is what makes two concepts the same: the first coding, else the words.
    `certainty` and `side` are what a coding says of itself, also in `name` ("Stroke (suspected)").
    `named`: the name is words, not a code alone. `null`: the code of a reason why there is no
    value, if it says nothing else ("masked").
    """

    name: str
    code: str
    codes: tuple[Code, ...]
    identity: str
    certainty: str = ""
    side: str = ""
    named: bool = True
    null: str = ""

    def has_any(self, codes: Iterable[str]) -> bool:
        """Whether one of these is among its codes."""
        return any(code.code in codes for code in self.codes)


_LOINC, _SNOMED = "http://loinc.org", "http://snomed.info/sct"
_SYSTEMS = {
    "urn:oid:2.16.840.1.113883.6.1": "http://loinc.org",
    "urn:oid:2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "urn:oid:2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "urn:oid:2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "urn:oid:2.16.840.1.113883.12.292": "http://hl7.org/fhir/sid/cvx",
}
"""Code systems by their other name. Source: https://terminology.hl7.org/external_terminologies.html"""


def identity_of(code: Code) -> str:
    """A coding as a key: equal for the two names of one code system."""
    return f"{_SYSTEMS.get(code.system, code.system)}#{code.code.lower()}"


_NONE: tuple[Any, ...] = ()
"""No coding at all, and no concept with one."""


class TermReader:
    """Reads concepts; keeps what it has read of those with one coding, which most have."""

    def __init__(self, words: TextCleaner) -> None:
        self._words = words
        self._known: dict[tuple[Any, Any, Any, Any], Term] = {}

    def of(self, concept: Any) -> Term:
        """The term of a CodeableConcept, Coding, CodeableReference, bare code or a list of one."""
        if type(concept) is list and len(concept) == 1:
            concept = concept[0]
        try:
            sent = concept.get("coding", _NONE)
            (coding,) = (concept,) if sent is _NONE and "code" in concept else sent
            get = coding.get
            key = (concept.get("text"), get("code"), get("system"), get("display"))
            if "extension" in coding or "extension" in concept:
                return self._read(concept)
            return self._known[key]
        except KeyError:
            pass
        except (TypeError, ValueError, AttributeError):  # anything but a concept with one coding
            return self._read(concept)
        term = self._read(concept)
        if not term.null:
            self._known[key] = term
        return term

    def _read(self, concept: Any) -> Term:
        concept = unwrap(concept)
        if isinstance(concept, str):
            code = self._words.coded(concept)
            name = self._words.short(self._words.typed(concept))
            return Term(name, code.lower(), (), name.lower())
        found = codings(concept)
        worded = name_of(concept, found, self._words)
        name = self._words.short(worded or code_alone(found, self._words))
        codes, marks = self._codes(found), marks_of(holders(concept, found))
        code = codes[0].code.lower() if codes else ""
        identity = identity_of(codes[0]) if codes else name.lower()
        return Term(
            name if marks is NO_MARKS or not name else name + marks.words,
            code,
            codes,
            f"{identity} {marks.side}" if marks.side else identity,
            marks.certainty,
            marks.side,
            bool(worded),
            null_of(concept, found),
        )

    def _codes(self, found: list[dict[str, Any]]) -> tuple[Code, ...]:
        coded = self._words.coded
        seen: dict[tuple[str, str], Code] = {}
        for coding in found:
            code = coded(coding.get("code"))
            if code:
                system = coded(coding.get("system"))
                code = bare_code(code, system)
                if (system, code) not in seen:
                    seen[system, code] = Code(system, code, coded(coding.get("display")))
        return _with_loinc(tuple(seen.values())[:_MOST_CODES])


def _with_loinc(codes: tuple[Code, ...]) -> tuple[Code, ...]:
    """The codes, and the LOINC code of a vital sign that is coded in SNOMED CT alone."""
    known = table("observations")["same_as"]
    same = next((known[c.code] for c in codes if c.code in known and c.system == _SNOMED), None)
    if same is None or any(code.system == _LOINC for code in codes):
        return codes
    return (*codes, Code(_LOINC, same, ""))
