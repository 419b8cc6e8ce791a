"""Takes out of what people typed whatever says who the patient is or where he can be reached.

Two ways: the patient's own names, identifiers, numbers and addresses, known from the Patient
resource; and patterns of phone numbers, e-mail addresses, URLs, numbered identifiers and calendar
dates of anybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fhir_mapping.reading import items, objects, string

__all__ = ["masker"]

_PATTERNS = re.compile(
    r"""
    (?P<address>\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)
  | (?P<link>\b(?:https?|ftp)://\S+|\bwww\.\S+)
  | (?P<date>\b(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])
          (?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?
      |\b(?:0?[1-9]|1[0-2]|[12]\d|3[01])/(?:0?[1-9]|[12]\d|3[01])/(?:19|20)?\d\d\b)
  | (?P<phone>(?<![\w.])(?:\+\d{1,3}[ .-]?)?(?:\(\d{3}\)\s?|\d{3}[.-])\d{3}[ .-]\d{4}(?!\w)
      |(?<![\w.])\+\d{1,3}(?:[ .-]?\d{2,4}){2,5}(?!\w))
  | (?P<identifier>\b\d{3}-\d{2}-\d{4}\b
      |\b(?:MRN|SSN|NHS(?:\s+number)?|DOB|account|medical\ record(?:\ number)?)\b
          [\s:#.]*[A-Z]{0,4}-?\d[\w/-]{2,})
    """,
    re.VERBOSE | re.IGNORECASE,
)

_LEAST = 3
"""Shorter names and numbers are not masked one by one: "Ed", "7" are everywhere."""


def masker(patient: Mapping[str, Any]) -> Callable[[str], str]:
    """A function that masks this patient's identifiers, and anybody's contact details."""
    own = _own_pattern(patient)

    def mask(text: str) -> str:
        masked = own.sub("[patient]", text) if own else text
        return _PATTERNS.sub(_named, masked)

    return mask


def _named(match: re.Match[str]) -> str:
    return f"[{match.lastgroup}]"


def _own_pattern(patient: Mapping[str, Any]) -> re.Pattern[str] | None:
    """Whole names and numbers in any case; a lone word of a name as written or in capitals."""
    wanted = {w for w in _own(patient) if len(w) >= _LEAST}
    if not wanted:
        return None
    choices = []
    for text in sorted(wanted, key=lambda w: (-len(w), w)):
        if text.isalpha():
            choices += [re.escape(text), re.escape(text.upper()), re.escape(text.capitalize())]
        else:
            choices.append(f"(?i:{_spaced(text)})")
    return re.compile(rf"(?<!\w)(?:{'|'.join(dict.fromkeys(choices))})(?!\w)")


def _spaced(text: str) -> str:
    return r"\s+".join(map(re.escape, text.split()))


def _own(patient: Mapping[str, Any]) -> Iterator[str]:
    for name in objects(patient.get("name")):
        yield from _words_of(name.get("family"))
        for given in items(name.get("given")):
            yield from _words_of(given)
        yield from _words_of(name.get("text"))
    for element in ("identifier", "telecom"):
        for item in objects(patient.get(element)):
            yield string(item.get("value"))
    yield string(patient.get("birthDate"))
    yield from _addresses(objects(patient.get("address")))


def _words_of(name: object) -> Iterator[str]:
    text = string(name)
    yield text
    for word in text.split():
        yield word.strip(".,")


def _addresses(addresses: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for address in addresses:
        yield string(address.get("text"))
        for line in items(address.get("line")):
            yield string(line)
        yield string(address.get("postalCode"))
