"""Names of diseases that do not exist, made from names that do; the same seed, the same names.

Four kinds, as a language model invents them: blends of two names' halves, real words in absurd
company, near misses (a letter or two changed), and a coined eponym before a real disease.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

__all__ = ["KINDS", "invent"]

_ADJECTIVES = (
    "reverse",
    "viral",
    "lunar",
    "migratory",
    "inverted",
    "magnetic",
    "seasonal",
    "sonic",
)
_ADJECTIVES += (
    "metallic",
    "bacterial",
    "hormonal",
    "crystalline",
    "spontaneous",
    "dental",
    "optic",
)
_ADJECTIVES += ("thermal", "allergic", "hepatic", "cortical", "pulsatile", "ciliary", "gravid")
_COINED = ("Zorblatt", "Quenfeld", "Marvexi", "Holdrin", "Tessmark", "Vandrupp", "Oskelly", "Brinz")
_LETTERS = "abcdefghiklmnoprstuvy"


def _blend(random_: random.Random, names: Sequence[str]) -> str:
    """The first half of one word and the second half of another."""
    one, other = (random_.choice(names).split()[-1].lower() for _ in range(2))
    return (one[: len(one) // 2 + 1] + other[len(other) // 2 :]).capitalize()


def _absurd(random_: random.Random, names: Sequence[str]) -> str:
    """A real adjective or a word of one disease before another disease."""
    word = random_.choice([*_ADJECTIVES, *random_.choice(names).split()])
    return f"{word.capitalize()} {random_.choice(names).lower()}"


def _near(random_: random.Random, names: Sequence[str]) -> str:
    """One letter of the longest word replaced, dropped or doubled, and another swapped."""
    words = random_.choice(names).lower().split()
    long = max(range(len(words)), key=lambda i: len(words[i]))
    word = list(words[long])
    at = random_.randrange(1, len(word) - 1)
    word[at] = random_.choice(["", word[at] * 2, random_.choice(_LETTERS)])
    swap = random_.randrange(len(word) - 1)
    word[swap], word[swap + 1] = word[swap + 1], word[swap]
    words[long] = "".join(word)
    return " ".join(words).capitalize()


def _eponym(random_: random.Random, names: Sequence[str]) -> str:
    """A coined name before a real disease, or before "syndrome"."""
    disease = random_.choice([random_.choice(names).lower(), "syndrome", "disease"])
    return f"{random_.choice(_COINED)}-{random_.choice(_COINED)} {disease}"


KINDS: dict[str, Callable[[random.Random, Sequence[str]], str]] = {
    "blend": _blend,
    "absurd": _absurd,
    "near": _near,
    "eponym": _eponym,
}


def invent(kind: str, names: Sequence[str], count: int, seed: int) -> list[str]:
    """`count` names of a kind, made from `names`, none of which is among `names`."""
    random_ = random.Random(f"{kind} {seed}")
    real = {n.lower() for n in names}
    found: dict[str, None] = {}
    while len(found) < count:
        name = KINDS[kind](random_, names)
        if name.lower() not in real:
            found[name] = None
    return list(found)
