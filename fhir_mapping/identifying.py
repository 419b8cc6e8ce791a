"""Results and answers that say who the patient is, by `tables/left_out.toml`: never told."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from fhir_mapping.tables import table
from fhir_mapping.terms import Term

__all__ = ["IDENTIFYING", "asks_who", "identifies", "identifying_codes"]

IDENTIFYING = ("identifies", "It says who the patient is or where he can be reached.")
"""The reason and the detail of the Omission."""


def identifies(term: Term) -> bool:
    """Whether what has this code or name is a name, an address, a number or a date of birth."""
    codes = identifying_codes()
    return any(code.code in codes for code in term.codes) or asks_who(term.name)


@lru_cache(maxsize=4096)
def asks_who(words: str) -> bool:
    """Whether a question, or the name of a result, asks for what identifies a person."""
    plain = re.sub(r"[^a-z' ]+", " ", words.lower().replace("-", "")).split()
    return bool(_questions().fullmatch(" ".join(plain)))


@cache
def identifying_codes() -> frozenset[str]:
    """LOINC codes of what identifies a person."""
    return frozenset(table("left_out")["identifying"]["codes"])


@cache
def _questions() -> re.Pattern[str]:
    return re.compile("|".join(table("left_out")["identifying"]["questions"]))
