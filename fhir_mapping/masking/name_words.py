"""Words that are names too, and parts of names that are nobody's own."""

from __future__ import annotations

from functools import cache

from fhir_mapping.tables import table

__all__ = [
    "affixes", "capitalised", "common_words", "east_asian_words", "particles", "person_verbs",
    "variants_of",
    "weak_towns",
]  # fmt: skip


@cache
def common_words() -> frozenset[str]:
    """Words of English notes and of others that are names too, in lower case."""
    return frozenset(table("common_words")["words"]) | _listed("words")


@cache
def _listed(key: str) -> frozenset[str]:
    return frozenset(table("name_words")[key])


def affixes() -> frozenset[str]:
    """Titles and placeholders in HumanName.text."""
    return _listed("affixes")


def capitalised() -> frozenset[str]:
    """Words that are capitalised in running text whether or not they are names."""
    return _listed("capitalised")


def particles() -> frozenset[str]:
    """Articles and prepositions in family names."""
    return _listed("particles")


def person_verbs() -> frozenset[str]:
    """What only a person does: "reports", "denies"."""
    return _listed("person_verbs")


def east_asian_words() -> frozenset[str]:
    """Names in Chinese, Japanese and Korean letters that are words."""
    return _listed("east_asia")


@cache
def weak_towns() -> frozenset[str]:
    """Towns, in lower case, whose names are words, or diseases."""
    diseases = {name.lower() for name in table("eponyms")["towns_of_diseases"]}
    return _listed("towns") | diseases | common_words()


@cache
def _variants() -> dict[str, str]:
    return {letter: group for group in table("name_words")["variants"] for letter in group}


def variants_of(letter: str) -> str:
    """A letter with the letters that are written for it, itself among them."""
    return _variants().get(letter, letter)
