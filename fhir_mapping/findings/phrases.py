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
from fhir_mapping.findings.hit import FindingHit
from fhir_mapping.findings.vocabulary import denying, past, vocabulary
from fhir_mapping.tables import table

__all__ = ["Spelled", "hits", "words_of"]

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
    ends: bool = False


class Spelled(dict[str, str]):
    """Words in the one spelling in which phrases are compared, each worked out once. One for each
    chart: what is kept of its words goes with it."""

    def __init__(self) -> None:
        super().__init__(_known_spellings())

    def __missing__(self, word: str) -> str:
        self[word] = key = _spelling(word)
        return key


def hits(text: str, spelled: Spelled | None = None) -> list[FindingHit]:
    """The findings that a text names, whatever it says of them. Offsets are the text's."""
    low = lowered(text)
    words = _WORDS.findall(low)
    spelled = Spelled() if spelled is None else spelled
    keys = [spelled[word] for word in words]
    found = _phrases(low, keys) if _is_any_begun(keys) else []
    return [*found, *abbreviated(text, words)]


def _is_any_begun(keys: Sequence[str]) -> bool:
    root = _trie()
    return not root.keys().isdisjoint(keys) or (_MANY in root and any(map(_is_many, keys)))


def _phrases(low: str, keys: Sequence[str]) -> list[FindingHit]:
    root, spans = _trie(), [m.span() for m in _WORDS.finditer(low)]
    passed = frozenset(",:" if len(keys) <= _SHORT else ":")
    found: list[FindingHit] = []
    hidden: list[tuple[tuple[str, ...], int, int]] = []
    for at, key in enumerate(keys):
        begun = _next(root, key)
        if not begun:
            continue
        for node, last in _ends(begun, keys, at + 1, passed):
            start, end = spans[at][0], spans[last][1]
            found += [FindingHit(name, start, end) for name in node.told]
            found += [FindingHit(name, start, end, denied=True) for name in node.denied]
            found += [FindingHit(name, start, end, past=True) for name in node.past]
            if node.hides is not None:
                hidden.append((node.hides, start, end))
    if hidden:
        found = [h for h in found if not any(_hides(one, h) for one in hidden)]
    return list(dict.fromkeys(found))


def _hides(hidden: tuple[tuple[str, ...], int, int], hit: FindingHit) -> bool:
    """Whether a phrase that is none of a finding reaches at least as far as the finding."""
    names, start, end = hidden
    overlaps = start < hit.end <= end and (hit.start >= start or not names)
    return overlaps and not hit.denied and (not names or hit.finding in names)


def _next(node: _Node, key: str) -> list[_Node]:
    """The phrases that go on with a word: with itself, or if it is a number with any number."""
    found = [node[key]] if key in node else []
    if _MANY in node and _is_many(key):
        found.append(node[_MANY])
    return found


def _is_many(key: str) -> bool:
    return (len(key) > 1 and key.isdigit()) or key in _numbers()


def _ends(
    begun: Sequence[_Node], keys: Sequence[str], at: int, passed: frozenset[str]
) -> Iterator[tuple[_Node, int]]:
    """The phrases that go on from nodes, which end before `at`, each with its last word."""
    skipped, dropped, last = _skipped(), _dropped(), len(keys)
    ahead = [(node, at, 0) for node in begun]
    while ahead:
        node, at, over = ahead.pop()
        if not over and node.ends:
            yield node, at - 1
        if at >= last or not node:
            continue
        key = keys[at]
        ahead += [(following, at + 1, 0) for following in _next(node, key)]
        if over < _MOST_SKIPPED and (key in skipped or key in passed or key.isdigit()):
            ahead.append((node, at + 1, over + (key not in dropped or not over)))


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


@cache
def _known_spellings() -> dict[str, str]:
    """The words of the vocabulary, which are the most frequent ones that count."""
    phrases = (words for definition in vocabulary().values() for words in definition.words)
    return {word: _spelling(word) for phrase in phrases for word in _WORDS.findall(phrase)}


def words_of(phrase: str, spelled: Spelled | None = None) -> list[str]:
    """The words by which a phrase is known: without those that are passed over everywhere, unless
    a single one would be left ("wants to die" is not known by "want")."""
    spelled = Spelled() if spelled is None else spelled
    keys = [spelled[word] for word in _WORDS.findall(phrase) if word not in _MARKS]
    kept = [key for key in keys if key not in _dropped()]
    return kept if len(kept) > 1 else keys


def _add(root: _Node, phrase: str, spelled: Spelled) -> _Node:
    node = root
    for key in words_of(phrase, spelled):
        node = node.setdefault(key, _Node())
    node.ends = True
    return node


@cache
def _dropped() -> frozenset[str]:
    return frozenset(table("finding_words/words")["dropped"])


@cache
def _skipped() -> frozenset[str]:
    """What may stand within a phrase; numbers too."""
    return _dropped().union(table("finding_words/words")["skipped"], _numbers())


def _spelling(word: str) -> str:
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
