"""Text from a chart made fit to show: one line, no control characters, of bounded length."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from unicodedata import category, normalize

from fhir_mapping.chart import Code
from fhir_mapping.elements.short_names import short_name
from fhir_mapping.tables import table
from fhir_mapping.units.ucum import ucum

__all__ = ["LIMIT", "Names", "TextCleaner", "one_line"]

Names = Callable[[Code], str | None]
"""The name of a code by a terminology at hand; None of a code it does not know."""

_LOINC = "http://loinc.org"

LIMIT = 400
"""How many characters the text of a fact may have; excerpts of notes may be longer."""

LONGEST_TEXT = 60_000
"""How many characters of one document are read."""


def one_line(raw: str, limit: int = LIMIT) -> str:
    """One line of printable text without invisible characters, cut at `limit` with an ellipsis."""
    if len(raw) > 4 * limit:
        raw = raw[: 4 * limit]
    text = " ".join(raw.split())
    if not text.isprintable():
        text = " ".join("".join(_shown(character) for character in text).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _shown(character: str) -> str:
    """Odd spaces become a blank; control and format characters and surrogates vanish."""
    if character.isprintable():
        return character
    return "" if category(character).startswith("C") else " "


_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Characters that show nothing; line ends, tabs and blanks are not among them."""


_ESCAPED = re.compile(r"\\(?:[nrt](?![a-z])|\.br\\)")
"""A line end or tab that was escaped once too often, and HL7 version 2's line break."""


def _seen(text: str) -> str:
    """The text as a person sees it, or an invisible character would hide a name from the mask."""
    if "\\" in text:
        text = _ESCAPED.sub("\n", text)
    if text.isascii():
        return text if text.isprintable() else _INVISIBLE.sub("", text)
    return _INVISIBLE.sub("", normalize("NFC", text))


class TextCleaner:
    """Cleans strings, each distinct one once.

    `mask` takes the patient's own identifiers out of what people typed; the displays of a
    terminology are not masked, or a patient named Gray would have no grey matter. `names` names
    codes that came without words. `unread_extensions`: a concept had an extension nobody reads.
    """

    def __init__(
        self, mask: Callable[[str], str] | None = None, names: Names | None = None
    ) -> None:
        self._mask = mask
        self._names = names
        self.unread_extensions = False
        self._typed: dict[str, str] = {}
        self._coded: dict[str, str] = {}
        self._short: dict[str, str] = {}
        self._units: dict[object, str | None] = {}

    def coded(self, value: object) -> str:
        """A string that comes from a terminology, or ''."""
        if not isinstance(value, str):
            return ""
        text = self._coded.get(value)
        if text is None:
            text = self._coded[value] = one_line(value, 200)
        return text

    def named(self, codings: Iterable[Mapping[str, Any]]) -> str:
        """The name of the first of these codings that is known: an answer of a questionnaire, or by
        the terminology at hand; or ''."""
        codes = [Code(self.coded(c.get("system")), self.coded(c.get("code"))) for c in codings]
        found = (self._name(code) for code in codes if code.code)
        return self.coded(next(filter(None, found), ""))

    def _name(self, code: Code) -> str | None:
        if code.system == _LOINC:
            answer: str | None = table("questions")["answers"].get(code.code)
            if answer:
                return answer
        return self._names(code) if self._names is not None else None

    def typed(self, value: object) -> str:
        """A string that a person may have typed, masked, or ''."""
        if not isinstance(value, str):
            return ""
        text = self._typed.get(value)
        if text is None:
            masked = self._mask(_seen(value)) if self._mask else value
            text = self._typed[value] = one_line(masked)
        return text

    def unit(self, value: object) -> str | None:
        """A unit as UCUM where its spelling is known, or None."""
        try:
            return self._units[value]
        except KeyError:
            text = self.coded(value)
            unit = self._units[value] = ucum(text) if text else None
            return unit
        except TypeError:  # a list or object where a string belongs
            return None

    def short(self, name: str) -> str:
        """The short form of a cleaned name."""
        short = self._short.get(name)
        if short is None:
            short = self._short[name] = short_name(name)
        return short

    def masked(self, text: str) -> str:
        """A long text with its lines, masked."""
        text = text[:LONGEST_TEXT]
        return self._mask(_seen(text)) if self._mask else text
