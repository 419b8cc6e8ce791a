"""Single values: kept, moved, replaced by a placeholder, or removed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.redaction.dates import MovedDates
from cds_hooks.redaction.identities import Ids
from cds_hooks.redaction.rules import is_public, is_unit, kind_of, rules

__all__ = ["PLACEHOLDER", "REMOVED", "Values"]

PLACEHOLDER = "[redacted]"
REMOVED: Any = object()
"""What stands for an element that is not kept; JSON null is a value."""

# Codes with a digit: LOINC, ICD, ATC, CVX, RxNorm; of SNOMED CT up to 18 digits. Nothing of the
# shape of a telephone or social security number.
_CODE = re.compile(r"(?=.*\d)(?:LP)?[A-Z0-9]{1,8}(?:[.-][A-Z0-9]{1,3}){0,2}")
# The partition before the check digit is that of a concept (SNOMED International, SCTID).
_SNOMED_CODE = re.compile(r"[1-9]\d{2,14}[01]0\d")
_MARK = re.compile(r"[A-Z]")
_SNOMED = "http://snomed.info/sct"
_COMPARATORS = frozenset({"<", "<=", ">", ">="})
_LONG_NUMBER = re.compile(r"\d(?:[ ./-]?\d){4}")
_WORDS = re.compile(r"[^\W_]{2,}")
_LONGEST = 160
_OLDEST = 90


@dataclass(slots=True)
class Values:
    """`mask` changes whatever names this patient or reads like a name, number or date; `named` are
    words of the request's names; `removed` counts what was taken away, by reason."""

    dates: MovedDates
    mask: Callable[[str], str]
    named: frozenset[str]
    is_term: Callable[[str], bool]
    ids: Ids = field(default_factory=Ids)
    removed: Counter[str] = field(default_factory=Counter)
    _local: dict[tuple[str, str], str] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)
    _harmless: dict[str, bool] = field(default_factory=dict)

    def remove(self, why: str) -> Any:
        """Count one element that is not kept."""
        self.removed[why] += 1
        return REMOVED

    def primitive(self, name: str, value: Any) -> Any:
        """A value that is no object: what is kept of it, or REMOVED."""
        kind = kind_of(name, type(value).__name__)
        if kind == "flag":
            return value
        if kind == "number":
            return value if abs(value) < rules().numbers.below else self.remove("long-numbers")
        if kind == "date":
            return self._date(name, value)
        if kind == "term":
            return self._term(name, value)
        if kind == "code" and (value in rules().words.names or value in _COMPARATORS):
            return value
        return self.remove("other-elements")

    def _date(self, name: str, value: str) -> Any:
        moved = (self.dates.move_birth if name == "birthDate" else self.dates.move)(value)
        if moved is None:
            return self.remove("unreadable-dates")
        self.removed["dates-moved"] += 1
        return moved

    def _term(self, name: str, value: str) -> Any:
        if name == "unit" and is_unit(value) and not _LONG_NUMBER.search(value):
            return value
        if self.is_harmless(value) and self.is_term(value):
            return value
        self.removed["free-text"] += 1
        return PLACEHOLDER if name in rules().terms.placeholders else REMOVED

    def is_harmless(self, text: str) -> bool:
        """Whether nothing in a text names somebody, is a date or a long number."""
        if text not in self._harmless:  # the same displays come again and again
            fits = len(text) <= _LONGEST and not _LONG_NUMBER.search(text) and "@" not in text
            self._harmless[text] = fits and not self._names(text) and self.mask(text) == text
        return self._harmless[text]

    def _names(self, text: str) -> bool:
        return any(word.casefold() in self.named for word in _WORDS.findall(text))

    def coding(self, coding: dict[str, Any]) -> dict[str, Any]:
        """A Coding: a public code as it is, with a display that is harmless; another by place."""
        system, code = coding.get("system"), coding.get("code")
        display = coding.get("display")
        public = isinstance(system, str) and is_public(system)
        kept: dict[str, Any] = {}
        if public and isinstance(code, str) and _is_code(str(system), code):
            kept = {"system": system, "code": code}
        elif system is not None or code is not None:
            self.removed["local-codes"] += 1
            kept = self._local_code(system, code)
        if isinstance(display, str):
            fits = self.is_harmless(display) and (public or self.is_term(display))
            kept |= {"display": display} if fits else {}
            self.removed["free-text"] += not fits
        return kept

    def _local_code(self, system: Any, code: Any) -> dict[str, Any]:
        found = {"system": self._by_place("system", repr(system))} if system is not None else {}
        if code is not None:
            found["code"] = self._by_place("code", f"{system!r} {code!r}")
        return found

    def _by_place(self, what: str, old: str) -> str:
        if (what, old) not in self._local:
            self._numbers[what] += 1
            prefix = "urn:redacted:system" if what == "system" else "code"
            self._local[what, old] = f"{prefix}-{self._numbers[what]}"
        return self._local[what, old]

    def extension(self, extension: dict[str, Any]) -> dict[str, Any] | None:
        """An extension whose address is known, where it holds one code; None for any other."""
        code, coding = extension.get("valueCode"), extension.get("valueCoding")
        kept = {"url": extension["url"]}
        if isinstance(coding, dict):
            return {**kept, "valueCoding": self.coding({**coding, "display": None})}
        if isinstance(code, str) and (code in rules().words.names or _MARK.fullmatch(code)):
            return {**kept, "valueCode": code}
        return None

    def quantity(self, name: str, made: dict[str, Any]) -> dict[str, Any]:
        """An Age of 90 years and more is told as 90."""
        value = made.get("value")
        if name.endswith("Age") and isinstance(value, int | float) and value > _OLDEST:
            return {**made, "value": _OLDEST}
        return made


def _is_code(system: str, code: str) -> bool:
    if system == _SNOMED:
        return _SNOMED_CODE.fullmatch(code) is not None
    return code in rules().words.names or _CODE.fullmatch(code) is not None
