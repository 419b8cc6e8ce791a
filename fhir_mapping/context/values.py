"""Values that answer whether a thing is so: "no", false, SNOMED CT 2667000, HL7's NEG."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from fhir_mapping.chart import Code, Polarity
from fhir_mapping.tables import table

__all__ = ["begins_negative", "is_uncertain", "polarity_of_codes", "polarity_of_text"]

_OUTER = " .:;!\u00a0"
_LONGEST = 120
_KINDS = (Polarity.ABSENT, Polarity.PRESENT, Polarity.UNKNOWN)


def polarity_of_codes(codes: Sequence[Code], *, interpretation: bool = False) -> Polarity | None:
    """What a coded answer says, by its system and code; None of codes that are no such answer.

    Of codes without a system only those are known that no other system writes alike (SNOMED CT's
    and LOINC's answers), and in an `interpretation` HL7's own.
    """
    for code in codes:
        system = code.system or (_HL7 if interpretation else "")
        found = _codes().get((system, code.code.upper()))
        if found is not None:
            return found
    return None


def polarity_of_text(text: str) -> Polarity | None:
    """What an answer in words says; None of a text that is no such answer."""
    if len(text) > _LONGEST:
        return None
    said = " ".join(text.lower().replace("\u2019", "'").split())
    known = _texts()
    for answer in (said, said.strip(_OUTER), _head(said)):
        if answer in known:
            return known[answer]
    return Polarity.ABSENT if _is_absence_with_tail(said.strip(_OUTER)) else None


def begins_negative(text: str) -> bool:
    """Whether an answer in words begins as a negative result does ("negative for influenza")."""
    return text.lower().startswith(tuple(table("denials")["texts"]["begins"]))


def is_uncertain(text: str) -> bool:
    """Whether an answer in words says that a thing is only thought to be so ("possible")."""
    said = " ".join(text[:_LONGEST].lower().split())
    return not _uncertain().isdisjoint((said, said.strip(_OUTER), _head(said)))


def _head(said: str) -> str:
    """What stands before the first break: "no" of "No, not today"."""
    places = [at for mark in table("denials")["texts"]["breaks"] if (at := said.find(mark)) > 0]
    if not places or said[min(places) :].lstrip(_OUTER)[:1].isdigit():  # "no. 5"
        return ""
    return said[: min(places)].strip(_OUTER)


def _is_absence_with_tail(said: str) -> bool:
    words = said.split()
    tails = _tails()
    for n in range(1, min(len(words), 4)):
        head = " ".join(words[:n])
        if _texts().get(head) is Polarity.ABSENT:
            return all(word in tails or word.rstrip("hd").isdigit() for word in words[n:])
    return False


_HL7 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@cache
def _codes() -> dict[tuple[str, str], Polarity]:
    return {
        (system, code.upper()): kind
        for row in table("denials")["codes"]
        for kind in _KINDS
        for system in (*row["systems"], *([""] if row.get("unmistakable") else []))
        for code in row[kind.value]
    }


@cache
def _texts() -> dict[str, Polarity]:
    groups = ("texts", "laboratory")
    return {t: kind for g in groups for kind in _KINDS for t in table("denials")[g][kind.value]}


@cache
def _uncertain() -> frozenset[str]:
    return frozenset(table("denials")["texts"]["uncertain"])


@cache
def _tails() -> frozenset[str]:
    return frozenset(table("denials")["texts"]["tails"])
