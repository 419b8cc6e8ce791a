"""Takes out of what people typed whatever says who the patient is or where he can be reached.

Two ways: the patient's own names, identifiers, numbers and addresses, known from the Patient
resource; and patterns of phone numbers, e-mail addresses, links, numbered identifiers, titled
names and calendar dates of anybody. A date that can be read is told relative to now, as all are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from fhir_mapping.phrases import ago
from fhir_mapping.reading import items, objects, string
from fhir_mapping.tables import table
from fhir_mapping.times import Times

__all__ = ["masker"]

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_LINK = re.compile(r"(?:https?|ftp)://\S+|\bwww\.\S+", re.IGNORECASE)
_NUMBERED = re.compile(
    r"\b(?:MRN|SSN|NHS(?:\s+number)?|DOB|account|acct|medical record(?:\s+number)?"
    r"|patient id|passport|policy(?:\s+number)?|member id)\b[\s:#.]*(?:no\.?|number)?[\s:#.]*"
    r"[A-Z]{0,4}-?\d[\w/-]{2,}",
    re.IGNORECASE,
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_WORDED_DATE = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?P<m1>{_MONTH})\.?,?\s+(?P<y1>(?:19|20)\d\d)"
    rf"|(?P<m2>{_MONTH})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y2>(?:19|20)\d\d))\b",
    re.IGNORECASE,
)
# Begins with what it matches, not with a look-behind, so that the search can skip to a digit.
_NUMERIC = re.compile(
    r"""
    [0-9+(](?:(?<!\w.)|(?<=\(.))(?:
        (?P<iso>(?<=[12])[09]\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])
            (?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?(?!\w))
      | (?P<date>(?<=[0-9])\d?(?P<sep>[/.])\d{1,2}(?P=sep)(?:(?:19|20)\d\d|\d\d)(?!\w|[./]\d))
      | (?P<identifier>(?<=[0-9])\d\d-\d\d-\d{4}(?!\w))
      | (?P<phone>(?<=\()\d{3}\)\s?\d{3}[ .-]?\d{4}(?!\w)
          |(?<=[0-9])\d\d[.\- ]\d{3}[.\- ]\d{4}(?!\w)
          |(?<=\+)\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?!\w)
          |(?<=[0-9])[ .-]\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w))
    )
    """,
    re.VERBOSE,
)

_TITLES = ("Dr", "Prof", "Mr", "Ms", "Nurse", " MD", ", RN")
_CLINICIAN = re.compile(
    r"\b(?:Dr|Prof|Mrs?|Ms|Nurse)\.?[ ]+(?!\[)[A-Z][\w'-]+(?:[ ]+[A-Z][\w'-]+){0,2}"
    r"|\b[A-Z][\w'-]+(?:[ ]+[A-Z]\.)?[ ]+[A-Z][\w'-]+,?[ ]+(?:MD|DO|RN|NP|PA-C|M\.D\.)\b"
)

_LEAST = 3
"""Shorter names and numbers are not masked one by one: "Ed", "7" are everywhere."""


def masker(patient: Mapping[str, Any], times: Times) -> Callable[[str], str]:
    """A function that masks this patient's identifiers, and anybody's contact details."""
    own = _Own(patient)

    def dated(match: re.Match[str]) -> str:
        return _dated(match, times)

    def mask(text: str) -> str:
        text = own.mask(text)
        if "@" in text:
            text = _MAIL.sub("[address]", text)
        if "://" in text or "www." in text.lower():
            text = _LINK.sub("[link]", text)
        if any(digit in text for digit in "0123456789"):
            text = _NUMBERED.sub("[identifier]", text)
            text = _NUMERIC.sub(dated, text)
            text = _WORDED_DATE.sub(dated, text)
        if any(title in text for title in _TITLES):
            text = _CLINICIAN.sub("[clinician]", text)
        return text

    return mask


def _dated(match: re.Match[str], times: Times) -> str:
    found = match.groupdict()
    if found.get("iso"):
        days = times.days_ago(match[0])
    elif found.get("m1") or found.get("m2"):
        days = times.days_ago(_iso(found))
    else:
        return f"[{'date' if found.get('date') else match.lastgroup}]"
    return "[date]" if days is None else f"[{ago(days)}]"


def _iso(found: Mapping[str, str | None]) -> str:
    month = (found["m1"] or found["m2"] or "")[:3].lower()
    day, year = found["d1"] or found["d2"] or "", found["y1"] or found["y2"] or ""
    return f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}"


class _Own:
    """What identifies this patient, as one pattern that is only tried where it can match."""

    def __init__(self, patient: Mapping[str, Any]) -> None:
        wanted = sorted({w for w in _own(patient) if len(w) >= _LEAST}, key=lambda w: (-len(w), w))
        self._signs = tuple({sign for w in wanted for sign in _signs(w)})
        choices = dict.fromkeys(choice for text in wanted for choice in _choices(text))
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(choices)})(?!\w)") if choices else None

    def mask(self, text: str) -> str:
        if self._pattern is None:
            return text
        lowered = text.lower()
        if not any(sign in lowered for sign in self._signs):
            return text
        return self._pattern.sub("[patient]", text)


def _signs(text: str) -> Iterator[str]:
    """What is in every text, in lower case, that holds this name or number."""
    first = text.split()[0].lower()
    if first[:1].isdigit() or not first[:1].isalpha():
        yield next((c for c in first if c.isdigit()), first)
    else:
        yield from (first, _unaccented(first))


def _choices(text: str) -> Iterator[str]:
    """Patterns for one name or number: in any case, but for a name that is also a common word."""
    if text.lower() in _common_words():
        yield from (re.escape(text.upper()), re.escape(text.capitalize()))
        return
    digits = re.sub(r"\D", "", text)
    if len(digits) >= _LEAST_DIGITS and not any(map(str.isalpha, text)):
        yield r"[\s().+/-]{0,3}".join(digits)
        return
    for spelling in dict.fromkeys((text, _unaccented(text))):
        spaced = r"\s+".join(map(re.escape, spelling.split()))
        yield f"(?i:{spaced})"


_LEAST_DIGITS = 6


def _unaccented(text: str) -> str:
    """A name as it is typed without its accents: "José" -> "Jose"."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


@cache
def _common_words() -> frozenset[str]:
    return frozenset(table("common_words")["words"])


def _own(patient: Mapping[str, Any]) -> Iterator[str]:
    for holder in (patient, *objects(patient.get("contact"))):
        for name in objects(holder.get("name")):
            yield from _words_of(name.get("family"))
            for given in items(name.get("given")):
                yield from _words_of(given)
            yield from _words_of(name.get("text"))
        yield from _values(objects(holder.get("telecom")))
        yield from _addresses(objects(holder.get("address")))
    yield from _values(objects(patient.get("identifier")))
    yield string(patient.get("birthDate"))


def _words_of(name: object) -> Iterator[str]:
    text = unicodedata.normalize("NFC", string(name))
    yield text
    for word in text.replace("-", " ").split():
        yield word.strip(".,")


def _values(elements: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for element in elements:
        value = element.get("value")
        text = str(value) if type(value) is int else string(value)
        yield text
        yield from re.findall(rf"\d{{{_LEAST_DIGITS},}}", text)


def _addresses(addresses: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for address in addresses:
        yield string(address.get("text"))
        for line in items(address.get("line")):
            yield string(line)
        yield string(address.get("postalCode"))
