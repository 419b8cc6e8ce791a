"""What a concept says and which code it goes by; concepts that say the same are read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fhir_mapping.concepts import code_set, first_code, unwrap, wording
from fhir_mapping.words import Words

__all__ = ["Term", "Terms"]


@dataclass(frozen=True, slots=True)
class Term:
    """`name` is short and cleaned, '' if the concept has no words; `codes` are all, as sent."""

    name: str
    code: str
    codes: frozenset[str]

    @property
    def identity(self) -> str:
        """What makes two concepts the same thing: the first code, else the words."""
        return self.code or self.name.lower()


class Terms:
    """Reads concepts; keeps what it has read of those with one coding, which most have."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._known: dict[tuple[Any, Any, Any, Any], Term] = {}

    def of(self, concept: Any) -> Term:
        """The term of a CodeableConcept, Coding, CodeableReference, bare code or a list of one."""
        if type(concept) is dict:
            codings = concept.get("coding")
            if type(codings) is list and len(codings) == 1 and type(codings[0]) is dict:
                return self._of_one(concept, codings[0])
        return self._read(concept)

    def _of_one(self, concept: dict[str, Any], coding: dict[str, Any]) -> Term:
        key = (concept.get("text"), coding.get("code"), coding.get("system"), coding.get("display"))
        try:
            return self._known[key]
        except KeyError:
            term = self._known[key] = self._read(concept)
            return term
        except TypeError:  # a list or object where a string belongs
            return self._read(concept)

    def _read(self, concept: Any) -> Term:
        concept = unwrap(concept)
        name = self._words.short(wording(concept, self._words))
        return Term(name, first_code(concept), frozenset(code_set(concept)))
