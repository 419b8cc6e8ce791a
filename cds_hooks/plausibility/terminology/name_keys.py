"""Names of diagnoses as keys: the same key for the same words, however they are written.

A key is the sorted set of a name's normalised words. It folds case, accents, British spelling,
plurals, hyphens, Roman numerals and the order of words ("Diabetes Mellitus, Type 2" and
"type II diabetes mellitus" share one key); it never folds a negation away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from cds_hooks.plausibility.data_files import read_toml

__all__ = ["MAX_WORDS", "WordTables", "expand", "key", "key_words", "stem", "strip_groups", "words"]

MAX_WORDS = 40
"""Words of a name that are looked at; no diagnosis has more."""

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_CAPITALS = re.compile(r"(?<![A-Za-z0-9-])([A-Z][A-Z0-9]{1,5})s?(?![A-Za-z0-9-])")
_POSSESSIVE = re.compile(r"'s?$")
_GREEK = str.maketrans({"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "κ": "kappa"})  # noqa: RUF001
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8"}
_ALWAYS_ROMAN = frozenset({"ii", "iii", "viii"})
_IRREGULAR = {
    "children": "child",
    "calculi": "calculus",
    "emboli": "embolus",
    "fungi": "fungus",
    "ova": "ovum",
    "testes": "testis",
    "viri": "virus",
    "vertebrae": "vertebra",
    "vertebre": "vertebra",
}
_ISED = 7
"""Shorter words that end so are no British spelling ("raised")."""

_KEEP_S = ("ss", "us", "is", "os")
_NOT_PLURAL = frozenset({"atlas", "gas", "pancreas", "texas", "diabetes", "herpes", "rabies"})


@dataclass(frozen=True, slots=True)
class WordTables:
    """The tables of `data/words.toml`."""

    version: str
    stop: frozenset[str]
    turning: frozenset[str]
    prefixes: frozenset[str]
    numbered: frozenset[str]
    phrases: Mapping[tuple[str, ...], tuple[str, ...]]
    phrase_starts: frozenset[str]
    nouns: Mapping[str, str]
    strip: tuple[tuple[str, frozenset[str]], ...]
    qualifiers: Mapping[str, frozenset[str]]
    drug_endings: tuple[str, ...]
    expansions: Mapping[str, str]
    swaps: Mapping[str, str]


@cache
def tables() -> WordTables:
    """The shipped tables, read once."""
    raw = read_toml("words.toml")
    return WordTables(
        version=raw["version"],
        stop=frozenset(raw["stop"]),
        turning=frozenset(raw["turning"]),
        prefixes=frozenset(raw["prefixes"]),
        numbered=frozenset(raw["numbered"]),
        phrases={tuple(k.split()): tuple(v.split()) for k, v in raw["phrases"].items()},
        phrase_starts=frozenset(k.split()[0] for k in raw["phrases"]),
        nouns=raw["nouns"],
        strip=tuple((g["id"], frozenset(g["words"])) for g in raw["strip"]),
        qualifiers={k: frozenset(v) for k, v in raw["qualifiers"].items()},
        drug_endings=tuple(raw["qualifiers"]["drugs"]),
        swaps=raw["swaps"],
        expansions=read_toml("abbreviations.toml")["expansion"],
    )


def words(text: str) -> list[str]:
    """The words of a text in order: lower case, no accents, no possessives, prefixes joined."""
    plain = text.lower() if text.isascii() else _plain(text)
    found = _WORD.findall(plain)[:MAX_WORDS]
    if "'" in plain:
        found = [_POSSESSIVE.sub("", w) for w in found]
    return _number(_join(found))


def expand(text: str) -> str:
    """The text with its capital abbreviations written out ("NSTEMI" is a name of its own)."""
    known = tables().expansions
    return _CAPITALS.sub(lambda m: known.get(m.group(1), m.group()), text)


def key_words(text: str) -> list[str]:
    """Normalised words in order, without stop words: what a key is made of."""
    return normalise(words(text))


def normalise(found: Iterable[str]) -> list[str]:
    """Words as they stand in keys: singular, American, nouns for adjectives, phrases replaced."""
    table = tables()
    kept = [stem(w) for w in found if w not in table.stop]
    return [table.nouns.get(w, w) for w in _replace(kept, table)]


def key(found: Iterable[str]) -> str:
    """The key of normalised words: sorted, each once. Empty for no words."""
    return " ".join(sorted(set(found)))


def strip_groups() -> tuple[tuple[str, frozenset[str]], ...]:
    """Groups of modifiers in the order in which they may be taken away."""
    return tables().strip


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.translate(_GREEK).replace("\u2019", "'"))
    return "".join(c for c in folded if not unicodedata.combining(c)).lower()


def _join(found: list[str]) -> list[str]:
    prefixes = tables().prefixes
    if prefixes.isdisjoint(found):
        return found
    out: list[str] = []
    held = ""
    for word in found:
        if word in prefixes and not held:
            held = word
            continue
        out.append(held + word)
        held = ""
    return [*out, held] if held else out


def _number(found: list[str]) -> list[str]:
    if _ROMAN.keys().isdisjoint(found):
        return found
    numbered = tables().numbered
    out: list[str] = []
    for i, word in enumerate(found):
        after = i > 0 and found[i - 1] in numbered
        out.append(_ROMAN[word] if word in _ROMAN and (after or word in _ALWAYS_ROMAN) else word)
    return out


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A word as it stands in keys: singular and American. Not always a word of English."""
    return _american(_singular(word))


def _american(word: str) -> str:
    word = word.replace("ooe", "oe").replace("ae", "e").replace("oe", "e").replace("sulph", "sulf")
    if len(word) > _ISED and word.endswith(("ised", "ising", "isation")):
        at = word.rindex("is")
        word = f"{word[:at]}iz{word[at + 2 :]}"
    return word[:-3] + "or" if word.endswith(("mour", "viour", "abour")) else word


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("itides"):
        return word[:-3] + "s"
    if word in _NOT_PLURAL or len(word) < 4 or not word.endswith("s") or word.endswith(_KEEP_S):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 5 else word
    if word.endswith(("oses", "yses", "axes", "ases", "xes")):
        return _latin(word)
    if word.endswith(("ses", "ches", "shes", "zes")):
        return word[:-2] if word.endswith(("sses", "ches", "shes", "zes", "uses")) else word[:-1]
    return word[:-1]


def _latin(word: str) -> str:
    if word.endswith(("oses", "yses")):
        return word[:-2] + "is"
    if word.endswith("axes"):
        return word[:-2] + "is"
    if word.endswith("tases"):
        return word[:-2] + "is"
    return word[:-2] if word.endswith("xes") else word[:-1]


def _replace(found: list[str], table: WordTables) -> list[str]:
    if table.phrase_starts.isdisjoint(found):
        return found
    out: list[str] = []
    i = 0
    while i < len(found):
        for size in (3, 2):
            new = table.phrases.get(tuple(found[i : i + size]))
            if new is not None:
                out.extend(new)
                i += size
                break
        else:
            out.append(found[i])
            i += 1
    return out
