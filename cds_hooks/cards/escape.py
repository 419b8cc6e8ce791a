"""Text of a model or a chart made fit for GitHub Flavored Markdown: seen, never obeyed.

Clients differ: some turn raw HTML in `detail` into live elements, some link every bare address
after parsing, when backslashes are gone already. So markup is escaped, and what an autolinker
looks for (GFM 0.29 section 6.9: `www.`, a scheme, an address with `@`; linkifiers: any dotted
name) is broken up with a space, which no client can undo.
"""

from __future__ import annotations

import re

from prompts import visible

__all__ = ["TerminologyCode", "capped", "escape", "page_text", "plain"]

_BROKEN = (
    (re.compile(r"//+"), "/ /"),
    (re.compile(r"\s*@\s*"), " at "),
    (re.compile(r"\b(javascript|vbscript|data|mailto|xmpp|file):(?=\S)", re.IGNORECASE), r"\1: "),
    (re.compile(r"www(?=\.)", re.IGNORECASE), r"\g<0> "),
    # No top-level domain has one letter, so "G35.D" and "i.e." stay as they are.
    (re.compile(r"\.(?=[^\W\d_])(?![A-Za-z](?![^\W\d_]))"), ". "),
)
_MARKUP = re.compile(r"[\\`*_\[\]~|$#!{}]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CODE = re.compile(r"[A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?")
"""An ICD-10-CM code (Official Guidelines, section I.A.2: three to seven characters)."""
_TWO_LETTERS = re.compile(r"\.(?=[A-Z]{2})")
_COMPARED = (
    (re.compile(r"<=\s*(?=\.?\d)"), "at most "),
    (re.compile(r"(?<!-)>=\s*(?=\.?\d)"), "at least "),
    (re.compile(r"<\s*(?=\.?\d)"), "under "),
    (re.compile(r"(?<![-=])>\s*(?=\.?\d)"), "over "),
)
"""A comparator of a value ("TSH <0.01"), which without its sign would be another value."""
_NOT_PLAIN = str.maketrans("<>[]{}`|*_\\", "()()()'/  /")


class TerminologyCode(str):
    """A code from a terminology, never from a model or a chart: shown letter by letter.

    As text "C84.ZA" would be broken up as a host's name. The backslash before the dot of such a
    code (there are 21) keeps linkifiers that read the Markdown away, and a reader does not see it.
    """

    __slots__ = ()


def escape(value: object) -> str:
    """One line of Markdown that shows `value` as text: no markup, element, link or image."""
    if isinstance(value, TerminologyCode) and _CODE.fullmatch(value):
        return _TWO_LETTERS.sub(r"\.", value)
    return _MARKUP.sub(r"\\\g<0>", _unlinked(visible(str(value)))).translate(_ENTITIES)


def page_text(value: object) -> str:
    """One line for a page that escapes HTML itself: nothing in it that a linkifier would link."""
    if isinstance(value, TerminologyCode) and _CODE.fullmatch(value):
        return value
    return _unlinked(visible(str(value)))


def plain(text: str) -> str:
    """One line for places that are not Markdown (summary, labels) but may be read as such."""
    line = visible(text)
    for pattern, words in _COMPARED:
        line = pattern.sub(words, line)
    return _unlinked(line.translate(_NOT_PLAIN))


def capped(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word where there is one, with an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > limit // 2 else cut).rstrip(" ,;:") + "…"


def _unlinked(line: str) -> str:
    for pattern, replacement in _BROKEN:
        line = pattern.sub(replacement, line)
    return " ".join(line.split())
