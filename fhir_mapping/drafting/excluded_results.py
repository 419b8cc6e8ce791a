"""Results and answers that are never told, by `tables/left_out.toml`: what says who the patient is,
what is no cause of disease and biases a model, and what is about payment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from fhir_mapping.elements.terms import Term
from fhir_mapping.tables import table

__all__ = ["Refusal", "refusal_of", "refusal_of_question"]

Refusal = tuple[str, str]
"""The reason and the detail of the Omission."""


@dataclass(frozen=True, slots=True)
class _Group:
    refusal: Refusal
    codes: frozenset[str]
    questions: re.Pattern[str]


def refusal_of(term: Term) -> Refusal | None:
    """Why a result with this code or name is not told, or None."""
    by_code = _by_code()
    for code in term.codes:
        if code.code in by_code:
            return by_code[code.code]
    return _by_words(term.name)


def refusal_of_question(words: str, *keys: str) -> Refusal | None:
    """The same for a question by its words, and by codes in its `linkId` or `definition`."""
    by_code = _by_code()
    for key in keys:
        for part in key.split("/"):
            if part in by_code:
                return by_code[part]
    return _by_words(words)


@lru_cache(maxsize=4096)
def _by_words(words: str) -> Refusal | None:
    plain = " ".join(re.sub(r"[^a-z' ]+", " ", words.lower().replace("-", "")).split())
    found = (group.refusal for group in _groups() if group.questions.fullmatch(plain))
    return next(found, None)


@cache
def _by_code() -> dict[str, Refusal]:
    return {code: group.refusal for group in _groups() for code in group.codes}


@cache
def _groups() -> tuple[_Group, ...]:
    return tuple(
        _Group(
            (reason, row["why"]),
            frozenset(row["codes"]),
            re.compile("|".join(row["questions"])),
        )
        for reason, row in table("left_out")["results"].items()
    )
