"""Bytes as text: in the charset they are labelled with, or in one that they can only be.

A wrong guess shows a model garbage as if a clinician had written it, so what is no text in any of
a few charsets is refused.
"""

from __future__ import annotations

import codecs
import re

__all__ = ["NotText", "text_from_bytes"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, the longer before those they begin with."""

_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd\ufffe\uffff]")
"""Characters that no text holds: C0 and C1 controls but for white space and escape, and what
stands for an undecodable byte. Source: Unicode 16.0, chapters 23.1 and 23.8."""

_MOST_STRAY = 0.01
"""Of the characters of a text that a sender damaged somewhere; compressed data have ten times as
many. Ours."""

_LEAST_ASCII = 0.7
"""Of the letters of a text in windows-1252; Western languages have over nine in ten. Ours."""

_LATIN = frozenset({"iso8859-1", "latin-1", "ascii", "cp1252"})
"""Labels under which windows-1252 is sent (as the WHATWG Encoding Standard reads them)."""

_SEVEN_BIT = ("iso2022", "hz", "utf-7")
"""Charsets whose bytes are all ASCII: these would also pass as UTF-8."""


class NotText(ValueError):
    """The bytes are no text in the charset named, nor in one that could be told."""


def text_from_bytes(data: bytes, charset: str = "") -> str:
    """The text of these bytes. Raises NotText.

    Tried in turn: the byte order mark; UTF-8, which other charsets are hardly ever by chance; the
    charset that is named; windows-1252 if nearly all letters are then ASCII.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _decoded(data, name)
    named = _codec(charset)
    order = (named, "utf-8") if named.startswith(_SEVEN_BIT) else ("utf-8", named)
    for name in order:
        if name and name not in _LATIN:
            try:
                return _decoded(data, name)
            except NotText:
                continue
    return _western(data)


def _codec(charset: str) -> str:
    """Python's name of a charset that encodes text, or ''."""
    try:
        known = codecs.lookup(charset) if charset else None
    except (LookupError, ValueError):
        return ""
    return known.name if known is not None and getattr(known, "_is_text_encoding", True) else ""


def _decoded(data: bytes, name: str) -> str:
    try:
        text = data.decode(name)
    except (UnicodeError, LookupError, ValueError):
        raise NotText(name) from None
    if len(_NO_TEXT.findall(text)) > _MOST_STRAY * len(text):
        raise NotText(name)
    return text


def _western(data: bytes) -> str:
    text = _decoded(data, "cp1252")
    letters = [letter for letter in text if letter.isalpha() or ord(letter) > 0x7F]
    ascii_letters = sum(letter.isascii() for letter in letters)
    if ascii_letters < _LEAST_ASCII * len(letters):
        raise NotText("cp1252")
    return text
