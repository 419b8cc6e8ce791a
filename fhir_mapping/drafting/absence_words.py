"""What an entry's codes and words say when they name no thing ("NKDA", "not asked")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from fhir_mapping.chart import Code, Kind, Polarity
from fhir_mapping.context import polarity_of_text
from fhir_mapping.elements.terms import Term
from fhir_mapping.tables import table

__all__ = ["Absence", "AbsenceMeaning", "absence_of", "absence_of_text", "is_exception", "none_of"]

_OUTER = " .:;,!-*()[]\u00a0"
_LONGEST = 80
_TWO = 2


class AbsenceMeaning(StrEnum):
    """What an entry without a thing says; of the last two the value is the omission's reason."""

    NONE = "none-known"
    NOTHING = "no-information"
    MASKED = "masked"


@dataclass(frozen=True, slots=True)
class Absence:
    """`words` are what is told of `NONE`, as a fact of `kind`; `wholly`: there is none of it."""

    meaning: AbsenceMeaning
    kind: Kind | None = None
    words: str = ""
    wholly: bool = True


def absence_of(term: Term, kind: Kind) -> Absence | None:
    """What an entry of a kind says by its codes or words, if it is about no thing at all."""
    if term.null:
        masked = term.null in table("absence")["null"]["masked"]
        return Absence(AbsenceMeaning.MASKED if masked else AbsenceMeaning.NOTHING)
    said = absence_of_text(term.name, kind)
    if said is not None and said.meaning is not AbsenceMeaning.NOTHING:
        return said  # the words are finer than the code: "NKDA" under 716186003
    coded = (_by_code(code) for code in term.codes)
    return next((found for found in coded if found is not None), said)


def absence_of_text(text: str, kind: Kind) -> Absence | None:
    """The same of words alone: "NKDA", "Keine Allergien bekannt", "not asked"."""
    if len(text) > _LONGEST or not text:
        return None
    said = " ".join(text.lower().replace("\u2019", "'").split())
    if "(" in said or ":" in said or "=" in said:
        said = _before().sub("", _behind().sub("", said))
    said = said.strip(_OUTER)
    found = _one(said, text, kind) or _several(said, text, kind)
    return None if found is None or is_exception(text) else found


def is_exception(text: str) -> bool:
    """Whether words that deny name something all the same: "None except penicillin"."""
    return _exceptions().search(text) is not None


@cache
def _exceptions() -> re.Pattern[str]:
    words = table("absence")["texts"]["exceptions"]
    return re.compile("|".join(map(re.escape, words)), re.IGNORECASE)


def _several(said: str, text: str, kind: Kind) -> Absence | None:
    """Statements in a row: "NKDA, NKFA"; told as they were written."""
    pieces = _between().split(said)
    if len(pieces) < _TWO:
        return None
    wholly = False
    for piece in pieces:
        one = _one(piece, piece, kind)
        if one is None or one.meaning is not AbsenceMeaning.NONE:
            return None
        wholly = wholly or one.wholly
    return Absence(AbsenceMeaning.NONE, kind, text, wholly)


def _one(said: str, text: str, kind: Kind) -> Absence | None:
    answer = _answer(said) if said else AbsenceMeaning.NOTHING  # "-"
    if answer is not None:
        is_listed = answer is not AbsenceMeaning.NONE or kind in _by_kind()
        return (
            (none_of(kind) if answer is AbsenceMeaning.NONE else Absence(answer))
            if is_listed
            else None
        )
    if said.startswith("no known ") or _any_kind().fullmatch(said):
        return _of_a_kind(said, text, kind)
    return None


def _answer(said: str) -> AbsenceMeaning | None:
    """What a bare answer means ("none", "not asked", "masked")."""
    meaning = _answers().get(said)
    if meaning is not None or said.split(" ", 1)[0].strip(_OUTER) not in _first_words():
        return meaning
    if _breaks().search(said):
        return None
    return _OF_ANSWER.get(polarity_of_text(said) or Polarity.PRESENT)


def _of_a_kind(said: str, text: str, kind: Kind) -> Absence | None:
    for one in (kind, *_by_kind()):
        if one in _by_kind():
            whole, partly = _by_kind()[one]
            if whole.fullmatch(said):
                return none_of(one)
            for pattern, words in partly:
                if pattern.fullmatch(said):
                    return Absence(AbsenceMeaning.NONE, one, words, wholly=False)
    if said.startswith("no known "):
        return Absence(AbsenceMeaning.NONE, kind, text, wholly=False)
    return None


_OF_ANSWER = {Polarity.ABSENT: AbsenceMeaning.NONE, Polarity.UNKNOWN: AbsenceMeaning.NOTHING}


@cache
def _answers() -> dict[str, AbsenceMeaning]:
    texts = table("absence")["texts"]
    return {said: meaning for meaning in AbsenceMeaning for said in texts[meaning.name.lower()]}


@cache
def _first_words() -> frozenset[str]:
    """How an answer in words begins: most names do not, and need no closer look."""
    texts = table("denials")["texts"]
    return frozenset(
        said.split()[0].strip(_OUTER) for kind in ("absent", "unknown") for said in texts[kind]
    )


@cache
def _breaks() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, table("absence")["texts"]["breaks"])))


@cache
def _before() -> re.Pattern[str]:
    return re.compile("^" + table("absence")["texts"]["before"])


@cache
def _behind() -> re.Pattern[str]:
    return re.compile(table("absence")["texts"]["behind"] + "$")


@cache
def _between() -> re.Pattern[str]:
    return re.compile(table("absence")["texts"]["between"])


@cache
def _any_kind() -> re.Pattern[str]:
    """All that any kind lists, so that one look tells that a name is no such statement."""
    rows = table("absence")["kinds"].values()
    every = (one for row in rows for one in (*row["whole"], *row.get("partly", {})))
    return re.compile("|".join(f"(?:{one})" for one in every))


def none_of(kind: Kind) -> Absence:
    """That there is none of a kind at all."""
    return Absence(AbsenceMeaning.NONE, kind, table("absence")["kinds"][kind.value]["none"])


def _by_code(code: Code) -> Absence | None:
    tables = table("absence")["codes"]
    if code.system and code.system not in tables["systems"]:
        return None
    if code.code in tables["none"]:
        return none_of(Kind(tables["none"][code.code]))
    if code.code in tables["nothing"]["codes"]:
        return Absence(AbsenceMeaning.NOTHING)
    partly = tables["partly"].get(code.code)
    if partly is None:
        return None
    return Absence(AbsenceMeaning.NONE, Kind(partly["kind"]), partly["words"], wholly=False)


Rules = tuple[re.Pattern[str], tuple[tuple[re.Pattern[str], str], ...]]


@cache
def _by_kind() -> dict[Kind, Rules]:
    return {Kind(name): _rules(row) for name, row in table("absence")["kinds"].items()}


def _rules(row: Mapping[str, Any]) -> Rules:
    whole = re.compile("|".join(f"(?:{one})" for one in row["whole"]))
    return whole, tuple((re.compile(one), words) for one, words in row.get("partly", {}).items())
