"""Units: the spellings that laboratories send as UCUM, and UCUM as a reader wants to see it."""

from __future__ import annotations

import re
from functools import cache

from fhir_mapping.tables import table

__all__ = ["shown_unit", "ucum"]

_ANNOTATION = re.compile(r"\{[^{}]*\}")
_UNIT_OF_ITS_OWN = re.compile(r"\[[^][]*\]")
_BARE_NUMBER = re.compile(r"[\d*/]+\d")


@cache
def _spellings() -> dict[str, str]:
    return dict(table("units")["spellings"])


@cache
def _known_units() -> frozenset[str]:
    return frozenset(_spellings().values())


@cache
def _shown() -> dict[str, str]:
    return dict(table("units")["shown"])


@cache
def _parts() -> dict[str, str]:
    return dict(table("units")["shown_parts"])


def ucum(sent: str) -> str:
    """The UCUM code for a unit as sent; as sent if the spelling is not known."""
    plain = sent.replace("\u00b5", "u").replace("\u03bc", "u").replace(" ", "")
    known = _spellings().get(plain)
    if known is not None:
        return known
    return sent if " " in sent and plain not in _known_units() else plain


def shown_unit(code: str) -> str:
    """How a UCUM unit is written in a text: "mmHg" for "mm[Hg]", "/min" for "{beats}/min"."""
    known = _shown().get(code)
    if known is not None:
        return known
    if "[" in code:
        code = _UNIT_OF_ITS_OWN.sub(lambda sent: _parts().get(sent[0], sent[0]), code)
    if "{" not in code:
        return code
    plain = _ANNOTATION.sub("", code)
    if _BARE_NUMBER.fullmatch(plain):  # "1/1000000{Base}": without its words it is no unit
        return _ANNOTATION.sub(lambda said: f" {said[0][1:-1]}", code).strip()
    return plain
