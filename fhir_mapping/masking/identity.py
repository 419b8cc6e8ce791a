"""What identifies one patient, as the Patient resource has it, sorted by how it is looked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from unicodedata import normalize

from fhir_mapping.elements.compatibility_characters import unfolded
from fhir_mapping.elements.json_values import items, objects, string
from fhir_mapping.masking.calendar import Day
from fhir_mapping.masking.name_words import affixes

__all__ = ["EAST_ASIAN", "Identity", "identity_of"]

EAST_ASIAN = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0002fa1f"
"""Letters that are written without blanks between words, for a character class."""

_EAST = re.compile(f"[{EAST_ASIAN}]")
_LEAST = 3
"""Shorter numbers are not masked: "7" is everywhere."""

LEAST_DIGITS = 6
_BLANKS = re.compile(r"[\s,，、・]+")


@dataclass
class Identity:
    """The words and numbers by which a patient can be known."""

    names: list[str] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Family and given names, each as one text."""
    numbers: list[str] = field(default_factory=list)
    streets: list[str] = field(default_factory=list)
    towns: list[str] = field(default_factory=list)
    postal_codes: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    born: Day | None = None


def identity_of(patient: Mapping[str, Any]) -> Identity:
    """What the resource says of the patient and of who is to be called for him."""
    found = Identity(born=_born(patient.get("birthDate")))
    for holder in (patient, *objects(patient.get("contact"))):
        for name in objects(holder.get("name")):
            _read_name(name, found)
        found.numbers += _values(objects(holder.get("telecom")))
        for address in objects(holder.get("address")):
            _read_address(address, found)
    found.numbers += _values(objects(patient.get("identifier")))
    return found


def is_east_asian(text: str) -> bool:
    """Whether a name holds Chinese, Japanese or Korean letters."""
    return _EAST.search(text) is not None


def _read_name(name: Mapping[str, Any], found: Identity) -> None:
    family = _clean(name.get("family"))
    given = [_clean(each) for each in items(name.get("given"))]
    whole = _clean(name.get("text"))
    found.names += [family, *given]
    found.names += [
        word for word in _BLANKS.split(whole) if word.strip(".,").lower() not in affixes()
    ]
    if family and given:
        found.pairs.append((family, " ".join(filter(None, given))))
    elif is_east_asian(whole):
        found.pairs += _split(whole)


def _split(whole: str) -> Iterator[tuple[str, str]]:
    """Family and given name of a text: at its blank, else after its first letter."""
    parts = [part for part in _BLANKS.split(whole) if part]
    if len(parts) > 1:
        yield parts[0], "".join(parts[1:])
    elif 2 <= len(whole) <= 4:
        yield whole[:1], whole[1:]
        if len(whole) == 4:
            yield whole[:2], whole[2:]


def _read_address(address: Mapping[str, Any], found: Identity) -> None:
    found.streets += [
        _clean(address.get("text")),
        *(_clean(line) for line in items(address.get("line"))),
    ]
    found.towns += [_clean(address.get(part)) for part in ("city", "district")]
    found.postal_codes.append(_clean(address.get("postalCode")))
    found.states += [_clean(address.get(part)) for part in ("state", "country")]


def _values(elements: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for element in elements:
        value = element.get("value")
        text = str(value) if type(value) is int else _clean(value)
        if len(text) >= _LEAST:
            yield text
        yield from re.findall(rf"[0-9]{{{LEAST_DIGITS},}}", text)


def _clean(value: object) -> str:
    return unfolded(normalize("NFC", string(value))).strip()


def _born(value: object) -> Day | None:
    try:
        day = date.fromisoformat(string(value)[:10])
    except ValueError:
        return None
    return day.year, day.month, day.day
