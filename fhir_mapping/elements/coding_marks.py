"""How sure a coded diagnosis is, and on which side, by what its coding says of itself.

ICD-10-GM marks a code as excluded (A), suspected (V), state after (Z) or confirmed (G), in an
extension of the coding or behind the code ("I26.9 A").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from fhir_mapping.elements.json_values import objects
from fhir_mapping.tables import table

__all__ = [
    "EXCLUDED",
    "NO_MARKS",
    "STATE_AFTER",
    "SUSPECTED",
    "CodingQualifiers",
    "bare_code",
    "is_read",
    "marks_of",
]

EXCLUDED, SUSPECTED, STATE_AFTER = "excluded", "suspected", "state after"


class CodingQualifiers(NamedTuple):
    """Words for both, '' where nothing is said; of a confirmed diagnosis nothing is."""

    certainty: str = ""
    side: str = ""

    @property
    def words(self) -> str:
        """What is told behind the name: " (left) (suspected)"."""
        return "".join(f" ({said})" for said in (self.side, self.certainty) if said)


NO_MARKS = CodingQualifiers()


def marks_of(codings: Iterable[Mapping[str, Any]]) -> CodingQualifiers:
    """What the codings of one concept say together; codings that contradict each other leave it
    suspected."""
    marked = [c for c in codings if "extension" in c or _system(c) in _systems()]
    if not marked:
        return NO_MARKS
    certainties: dict[str, None] = {}
    sides: dict[str, None] = {}
    for coding in marked:
        certainty, side = _own(coding)
        if certainty is not None:
            certainties[certainty] = None
        if side:
            sides[side] = None
    if not certainties and not sides:
        return NO_MARKS
    sure = next(iter(certainties), "") if len(certainties) < 2 else SUSPECTED
    return CodingQualifiers(sure, " and ".join(sides))


def bare_code(code: str, system: str) -> str:
    """The code without marks written behind it."""
    found = _written(code, system) if system in _systems() else None
    return found["code"] if found else code


def is_read(url: object) -> bool:
    """Whether this extension of a coding is read."""
    return url in _extensions()


def _own(coding: Mapping[str, Any]) -> tuple[str | None, str]:
    certainty, side = None, ""
    for extension in objects(coding.get("extension")):
        means = _extensions().get(extension.get("url"))
        if means in ("certainty", "side"):
            said = table("coding_marks")[means].get(_code(extension))
            if means == "side":
                side = said or ""
            else:  # a mark that is not known leaves it open
                certainty = SUSPECTED if said is None else said
    code, system = coding.get("code"), coding.get("system") or ""
    written = _written(code, system) if isinstance(code, str) else None
    if written:
        tables = table("coding_marks")
        certainty = tables["certainty"][written["certainty"]] if certainty is None else certainty
        side = side or tables["side"].get(written["side"], "")
    return certainty, side


def _system(coding: Mapping[str, Any]) -> str:
    system = coding.get("system")
    return system if isinstance(system, str) else ""


def _code(extension: Mapping[str, Any]) -> str:
    value = extension.get("valueCoding") or extension.get("valueCodeableConcept")
    if isinstance(value, dict) and "coding" in value:
        value = next(iter(objects(value["coding"])), None)
    code = value.get("code") if isinstance(value, dict) else extension.get("valueCode")
    return code.strip().upper() if isinstance(code, str) else ""


def _written(code: str, system: Any) -> re.Match[str] | None:
    rules = table("coding_marks")["written"]
    if len(code) < 4 or not (isinstance(system, str) and system in _systems()):
        return None
    found = _pattern().fullmatch(code.strip())
    return found if found and (found["blank"] or system in rules["close"]) else None


@cache
def _systems() -> frozenset[str]:
    rules = table("coding_marks")["written"]
    return frozenset((*rules["close"], *rules["apart"]))


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(table("coding_marks")["written"]["pattern"])


@cache
def _extensions() -> dict[Any, str]:
    kinds = table("coding_marks")["extensions"]
    return {url: kind for kind, urls in kinds.items() for url in urls}
