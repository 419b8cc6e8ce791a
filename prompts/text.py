"""Patient text made harmless: one visible line that can form no structure of a prompt.

Tokenising patient text as plain data is the engine's part of the defence; this is the other:
what a reader sees as a heading, a separator, a fence or a turn marker was put there by the
template, never by a note, a name or a coding's display.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["neutral", "visible"]

# Letters and marks that draw nothing, beyond the categories dropped below (Unicode UTS #39 and
# the Default_Ignorable_Code_Point property): variation selectors, fillers, blank braille.
_INVISIBLE = {
    *range(0xFE00, 0xFE10),
    *range(0xE0000, 0xE1000),
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F),
    *(0x2800, 0x3164, 0xFFA0, 0xFFFC),
}

_SPACES = re.compile(r"\s+")
_UNUSUAL = re.compile(r"[^\x20-\x7e]")
# More marks than two on a letter draw over the lines around it (Unicode UTS #39, section 5.4).
_MARK = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_STACKED = re.compile(f"({_MARK}{{2}}){_MARK}+")

_STRUCTURE = (
    # The delimiter between the columns of a fact's line, and half of every `<|token|>`.
    (re.compile(r"\|"), "/"),
    (re.compile(r"`+"), "'"),
    # Rules, fences and headings of Markdown.
    (re.compile(r"([~#=_*+-])\1{2,}"), r"\1"),
    (re.compile(r"#{2,}"), "#"),
    # `<s>`, `</s>`, `<think>`, `<start_of_turn>`, `<|im_start|>`, `<0x0A>`; "<5 ng/mL" stays.
    (re.compile(r"<(?=\s*(?:[^\W\d]|[/!?<]|0x))"), "\u2039"),
    # Mistral's `[INST]` family.
    (re.compile(r"\[(/?[A-Z_]{3,})\]"), r"(\1)"),
    # Jinja, should anything downstream ever read this text as a template.
    (re.compile(r"\{(?=[{%#])"), "{ "),
    (re.compile(r"(?<=[}%#])\}"), " }"),
)


def visible(text: str) -> str:
    """`text` on one line, without control, format, bidi, zero-width and unassigned characters
    and without stacks of combining marks.

    Compatibility forms of ASCII punctuation (a full-width bar or angle) become ASCII, so that
    they cannot pass as something else; superscripts and units stay as they are.
    """
    if text.isascii() and text.isprintable():
        return _SPACES.sub(" ", text).strip()
    composed = _STACKED.sub(r"\1", unicodedata.normalize("NFC", text))
    shown = _UNUSUAL.sub(lambda found: _shown(found[0]), composed)
    return _SPACES.sub(" ", shown).strip()


@lru_cache(maxsize=4096)
def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    if category[0] == "C" or ord(char) in _INVISIBLE:
        return ""
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 and plain.isascii() and not plain.isalnum() else char


def neutral(text: str) -> str:
    """`visible(text)` with no fence, delimiter, heading, turn marker or template syntax left."""
    line = visible(text)
    for pattern, replacement in _STRUCTURE:
        line = pattern.sub(replacement, line)
    return line
