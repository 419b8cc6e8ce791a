"""Telephone numbers and national identifiers of anybody, by their shape, and after their label."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from fhir_mapping.masking.check_digits import CHECKS
from fhir_mapping.masking.signs import DASHES, LETTERS, UNIT
from fhir_mapping.tables import table

__all__ = ["mask_numbers"]

_LEAST_DIGITS = 3
_DIGITS = re.compile(r"[0-9]")
_BEFORE = r"(?<![0-9A-Za-z_])(?<![0-9A-Za-z)][.,/+:=^-])(?<![<>≤≥=])"
_AFTER = rf"(?![0-9A-Za-z_]|[.,:/{DASHES}][0-9]|[ ]?(?:{UNIT}))"
_NUMBER_SIGN = r"(?:[\s:：.#=-]|n[o°ºr]\b|number\b|nummer\b|is\b){0,6}"


_EXTENSION = r"(?:[ ]?(?:x|ext\.?|extn\.?|Durchwahl|DW|poste|int\.?|内線|내선)[ ]?[0-9]{1,6})?"
_NO_LETTER = f"(?<![{LETTERS}])"
_UNIT_IN_LOWER_CASE = r"(?:[mk]?iu|ie|ui|mg|mcg|[µμ]g|ml|dl|mm|cm|kg|kcal|%|units?|copies|cells|/)"


class _Shape(NamedTuple):
    kind: str
    digits: tuple[int, int]
    check: str


def mask_numbers(text: str) -> str:
    """The text with such numbers as "[phone]" or "[identifier]"."""
    if len(_DIGITS.findall(text)) < _LEAST_DIGITS:
        return text
    text = _shapes().sub(_told, text)
    for kind in _label_words():
        text = _mask_labelled(text, kind)
    return text


def _mask_labelled(text: str, kind: str) -> str:
    """The numbers after a label masked; searched in lower case, which is quicker than in any."""
    lowered = text.lower()
    if len(lowered) != len(text) or not any(word in lowered for word in _label_words()[kind]):
        return text
    at, parts = 0, []
    for found in _labelled()[kind].finditer(lowered):
        parts += [text[at : found.end("label")], f"[{kind}]"]
        at = found.end()
    return "".join([*parts, text[at:]])


def _told(match: re.Match[str]) -> str:
    shape = _rules()[int((match.lastgroup or "s0")[1:])]
    digits = re.sub(r"[^0-9]", "", re.split("[xeDip内내]", match[0])[0])
    least, most = shape.digits
    if not least <= len(digits) <= most or (shape.check and not CHECKS[shape.check](digits)):
        return _as_another(match, shape)
    return "[phone]" if _after_phone(match) else f"[{shape.kind}]"


def _after_phone(match: re.Match[str]) -> bool:
    """Whether the words before the number say that somebody answers there."""
    before = match.string[max(0, match.start() - 24) : match.start()].lower()
    return _phone_label().search(before) is not None


@cache
def _phone_label() -> re.Pattern[str]:
    return re.compile(rf"{_NO_LETTER}(?:{_any(_label_words()['phone'])}){_NUMBER_SIGN}\(?$")


def _as_another(match: re.Match[str], shape: _Shape) -> str:
    """Ten digits in the groups of an NHS number without its check are a telephone number's."""
    return "[phone]" if shape.check == "nhs" else match[0]


@cache
def _rules() -> tuple[_Shape, ...]:
    return tuple(
        _Shape(row["kind"], tuple(row.get("digits", (0, 99))), row.get("check", ""))
        for row in _table()["shape"]
    )


@cache
def _shapes() -> re.Pattern[str]:
    """One pattern, so that a text is read once; a group for each shape."""
    patterns = (
        f"(?P<s{i}>(?:{_written(row['pattern'])}){_EXTENSION if _may_be_phone(row) else ''})"
        for i, row in enumerate(_table()["shape"])
    )
    return re.compile(rf"(?=[0-9A-Z+(]){_BEFORE}(?:{'|'.join(patterns)}){_AFTER}")


def _may_be_phone(row: dict[str, Any]) -> bool:
    return row["kind"] == "phone" or row.get("check") == "nhs"


def _written(pattern: str) -> str:
    """`~` is a dash, inside and outside of a class, and `_` a blank, dot or dash."""
    pattern = re.sub(r"~(?=[^\[\]]*\])", lambda _: DASHES, pattern)
    pattern = pattern.replace("~", f"[{DASHES}]")
    return pattern.replace("_", f"[ .{DASHES}]")


@cache
def _label_words() -> dict[str, tuple[str, ...]]:
    labels = _table()["labels"]
    return {kind: tuple(word.lower() for word in labels[kind]) for kind in ("identifier", "phone")}


@cache
def _labelled() -> dict[str, re.Pattern[str]]:
    values = {
        "identifier": r"\(?[a-z]{0,4}-?[0-9][0-9a-z/-]{2,20}",
        "phone": r"(?=(?:[^0-9a-z]{0,3}[0-9]){5})\+?\(?[0-9]{1,15}"
        rf"(?:(?:[ ]?[()/{DASHES}]{{0,2}}[ ]?|\.)[0-9]{{2,10}}){{0,6}}",
    }
    after = rf"(?![0-9a-z]|\.[0-9]|[ ]?(?:{_UNIT_IN_LOWER_CASE}))"
    return {
        kind: re.compile(
            rf"{_NO_LETTER}(?P<label>(?:{_any(words)}){_NUMBER_SIGN}){values[kind]}{after}"
        )
        for kind, words in _label_words().items()
    }


def _any(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _table() -> dict[str, Any]:
    return table("numbers")
