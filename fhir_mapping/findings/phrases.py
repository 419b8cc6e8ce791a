"""Findings in a text: phrases of several words, found by a trie over the words of the text.

Between the words of a phrase there may stand what changes nothing (`finding_words/words.toml`):
"weakness of the left arm" is the phrase "weakness arm". No phrase goes on after a sentence ends.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from fhir_mapping.context import lowered
from fhir_mapping.findings.abbreviations import abbreviated
from fhir_mapping.findings.hit import Hit
from fhir_mapping.findings.vocabulary import denying, past, vocabulary
from fhir_mapping.tables import table

__all__ = ["Spelled", "hits"]

_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.,;:!?\n|\u2022()]")
_MARKS = frozenset(".,;:!?\n|\u2022()")
_MOST_SKIPPED = 4
_MANY = "manynumber"
"""Any number of ten or more."""
_SHORT = 5
"""In a text of so few words a comma stands for "of": "Pain, chest"."""


class _Node(dict[str, "_Node"]):
    """Phrases that go on with each next word; what a phrase that ends here tells."""

    told: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    hides: tuple[str, ...] | None = None

    @property
    def ends(self) -> bool:
        """Whether a phrase ends here."""
        return bool(self.told or self.denied or self.past) or self.hides is not None


class Spelled(dict[str, str]):
    """Words in the one spelling in which phrases are compared, each worked out once. One for each
    chart: what is kept of its words goes with it."""

    def __missing__(self, word: str) -> str:
        self[word] = key = _spelling(word)
        return key


def hits(text: str, spelled: Spelled | None = None) -> list[Hit]:
    """The findings that a text names, whatever it says of them. Offsets are the text's."""
    low = lowered(text)
    words = _WORDS.findall(low)
    spelled = Spelled() if spelled is None else spelled
    keys = [spelled[word] for word in words]
    found = _phrases(low, keys) if not _trie().keys().isdisjoint(keys) else []
    return [*found, *abbreviated(text, words)]


def _phrases(low: str, keys: Sequence[str]) -> list[Hit]:
    root, spans = _trie(), [m.span() for m in _WORDS.finditer(low)]
    passed = frozenset(",:" if len(keys) <= _SHORT else ":")
    found: list[Hit] = []
    hidden: list[tuple[tuple[str, ...], int, int]] = []
    for at, key in enumerate(keys):
        if key not in root:
            continue
        for node, last in _ends(root[key], keys, at + 1, passed):
            start, end = spans[at][0], spans[last][1]
            found += [Hit(name, start, end) for name in node.told]
            found += [Hit(name, start, end, denied=True) for name in node.denied]
            found += [Hit(name, start, end, past=True) for name in node.past]
            if node.hides is not None:
                hidden.append((node.hides, start, end))
    kept = (h for h in found if not any(_hides(one, h) for one in hidden))
    return list(dict.fromkeys(kept))


def _hides(hidden: tuple[tuple[str, ...], int, int], hit: Hit) -> bool:
    """Whether a phrase that is none of a finding reaches at least as far as the finding."""
    names, start, end = hidden
    overlaps = start < hit.end <= end and (hit.start >= start or not names)
    return overlaps and not hit.denied and (not names or hit.finding in names)


def _ends(
    node: _Node, keys: Sequence[str], at: int, passed: frozenset[str], skipped: int = 0
) -> Iterator[tuple[_Node, int]]:
    """The phrases that stand here, each with its last word."""
    if not skipped and node.ends:
        yield node, at - 1
    if at >= len(keys) or not node:
        return
    key = keys[at]
    if key in node:
        yield from _ends(node[key], keys, at + 1, passed)
    if skipped < _MOST_SKIPPED and (
        key in _skipped() or key in passed or key == _MANY or key.isdigit()
    ):
        yield from _ends(
            node, keys, at + 1, passed, skipped + (key not in _dropped() or not skipped)
        )


@cache
def _trie() -> _Node:
    root, spelled = _Node(), Spelled()
    for name, definition in vocabulary().items():
        for words in definition.words:
            node = _add(root, words, spelled)
            node.told = (*node.told, name)
        for words in definition.unless:
            node = _add(root, words, spelled)
            node.hides = (*(node.hides or ()), name)
    for name, phrases in denying().items():
        for words in phrases:
            node = _add(root, words, spelled)
            node.denied = (*node.denied, name)
    for name, phrases in past().items():
        for words in phrases:
            node = _add(root, words, spelled)
            node.past = (*node.past, name)
    for words in table("finding_words/words")["pseudo"]:
        _add(root, words, spelled).hides = ()
    return root


def _add(root: _Node, phrase: str, spelled: Spelled) -> _Node:
    keys = [spelled[word] for word in _WORDS.findall(phrase) if word not in _MARKS]
    node = root
    for key in [key for key in keys if key not in _dropped()] or keys:
        node = node.setdefault(key, _Node())
    return node


@cache
def _dropped() -> frozenset[str]:
    return frozenset(table("finding_words/words")["dropped"])


@cache
def _skipped() -> frozenset[str]:
    return _dropped() | frozenset(table("finding_words/words")["skipped"])


def _spelling(word: str) -> str:
    if word in _numbers() or (word.isdigit() and len(word) > 1):
        return _MANY
    plain = word.removesuffix("'s")
    if not plain.isascii():
        parts = unicodedata.normalize("NFKD", plain.replace("\u00df", "ss"))
        plain = "".join(c for c in parts if not unicodedata.combining(c))
    for british, american in _spellings():
        if british in plain:
            plain = plain.replace(british, american)
    return _singular(plain)


@cache
def _numbers() -> frozenset[str]:
    return frozenset(table("finding_words/words")["numbers"])


@cache
def _spellings() -> tuple[tuple[str, str], ...]:
    return tuple(
        (british, american) for british, american in table("finding_words/words")["spellings"]
    )


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
