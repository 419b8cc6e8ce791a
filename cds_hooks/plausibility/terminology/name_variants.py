"""Other ways to write a name that was not found: what people say, two words that are one, Latin.

Only words that no term has are rewritten, and only into words that terms have, so that a name that
is found stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from cds_hooks.plausibility.data_files import read_toml
from cds_hooks.plausibility.terminology.name_keys import (
    key,
    normalise,
    stem,
    strip_groups,
    tables,
    words,
)

__all__ = ["charted", "indexed", "meant", "rewritten"]

Known = Callable[[Sequence[str]], Mapping[str, object]]
"""Of normalised words those that terms have."""

_LATIN = (("ata", "atum"), ("omata", "oma"), ("i", "us"), ("ae", "a"), ("a", "um"), ("orum", "um"))
_LONG = 6


def rewritten(found: Sequence[str], known: Known) -> Iterator[list[str]]:
    """Readings of a name's words, likeliest first; none where nothing can be read otherwise."""
    repaired = _repaired(list(found), known)
    if repaired != list(found):
        yield repaired


def meant(found: Sequence[str]) -> list[str]:
    """The words of the name that people mean by these; none for a name that is not in the table."""
    return words(spoken().get(_bare(found), ""))


def indexed(found: Sequence[str]) -> list[str]:
    """The codes that ICD-10-CM's Alphabetic Index gives a name of these words: mostly one, several
    where it tells them apart by what the name does not say, none for most names."""
    return _index().get(key(normalise(found)), "").split()


def charted(found: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Of a name of which the chart tells the code: pairs of what a recorded code begins with and
    the code that the name has then; "" begins the one for a chart that does not tell."""
    return _by_chart().get(key(normalise(found)), ())


@cache
def _by_chart() -> Mapping[str, tuple[tuple[str, str], ...]]:
    rows = read_toml("icd_index.toml")["by_chart"]
    return {
        key(normalise(words(name))): tuple(row["when"].items())
        for row in rows
        for name in row["names"]
    }


@cache
def _index() -> Mapping[str, str]:
    return {key(normalise(words(k))): v for k, v in read_toml("icd_index.toml")["code"].items()}


@cache
def spoken() -> Mapping[str, str]:
    """The shipped table `data/spoken.toml`: key of a bare name -> a name that is found."""
    raw = read_toml("spoken.toml")
    return {_bare(words(k)): v for part in ("eponym", "plain") for k, v in raw[part].items()}


def _bare(found: Sequence[str]) -> str:
    """The key of a name without what changes no disease and without "disease"."""
    gone = tables().qualifiers["tail"].union(*(group for _, group in strip_groups()))
    return key(w for w in normalise(found) if w not in gone)


def _repaired(found: list[str], known: Known) -> list[str]:
    """Pairs joined that are one word ("toe nail"), Latin endings as the sources write them."""
    out: list[str] = []
    for word in found:
        joined = stem(f"{out[-1]}{word}") if out else ""
        unknown = not known([stem(word)])
        if joined and len(joined) > _LONG and known([joined]):
            out[-1] = f"{out[-1]}{word}"
        else:
            out.append(_as_listed(word, known) if unknown else word)
    return out


def _as_listed(word: str, known: Known) -> str:
    """An unknown word with another Latin ending, if that is known."""
    if len(word) < _LONG:
        return word
    tried = (f"{word.removesuffix(end)}{new}" for end, new in _LATIN if word.endswith(end))
    return next((t for t in tried if known([stem(t)])), word)
