"""Which elements are kept and how, from `elements.toml` and the mapping's own list."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fhir_mapping.tables import table

__all__ = ["Kind", "Rules", "is_public", "is_unit", "kind_of", "read_elements", "rules"]

Kind = Literal["code", "date", "flag", "number", "term", "structure"]
# Names and texts are a client's: a service that captures for weeks must not keep all of them.
_MOST_REMEMBERED = 4096
_LETTERS = re.compile(r"[A-Za-z_]+")
_UNIT = re.compile(r"[A-Za-z_0-9%/.,*^\[\]{}()'µμ° -]{1,24}")


class _Names(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = ""
    source: str = ""
    names: frozenset[str] = frozenset()
    endings: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    placeholders: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    request: frozenset[str] = frozenset()
    below: int = 0

    def has(self, name: str) -> bool:
        """Whether an element of this name is one of them."""
        return name in self.names or name.endswith(self.endings)


class Rules(BaseModel):
    """`elements.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    codes: _Names
    words: _Names
    dates: _Names
    numbers: _Names
    flags: _Names
    units: _Names
    terms: _Names
    structures: _Names
    people: _Names
    systems: _Names
    hooks: _Names
    extensions: _Names
    types: _Names


@cache
def rules() -> Rules:
    """The shipped rules."""
    text = files(__package__).joinpath("elements.toml").read_text("utf-8")
    return Rules.model_validate(tomllib.loads(text))


@lru_cache(_MOST_REMEMBERED)
def kind_of(name: str, shape: str) -> Kind | None:
    """How an element of this name is kept whose value is of a Python type ("dict", "str").

    None where it is not."""
    found = rules()
    if shape == "dict":
        return "structure" if found.structures.has(name) else None
    if shape == "bool":
        return "flag" if found.flags.has(name) else None
    if shape in ("int", "float"):
        return "number" if found.numbers.has(name) else None
    if shape != "str":
        return None
    if found.terms.has(name):
        return "term"
    if found.dates.has(name):
        return "date"
    return "code" if found.codes.has(name) else None


@cache
def read_elements(resource_type: str) -> frozenset[str]:
    """The elements of a type that the mapping reads; none of a type that it does not read."""
    listed = table("minimum_necessary")
    if resource_type not in listed or not resource_type[:1].isupper():
        return frozenset()
    return frozenset((*listed["everywhere"]["read"], *listed[resource_type]["read"]))


@lru_cache(_MOST_REMEMBERED)
def is_public(system: str) -> bool:
    """Whether a code system is a published one, whose codes say nothing of anybody."""
    found = rules().systems
    public = system in found.names or system in table("code_systems")["names"]
    return public or system.startswith(found.prefixes)


@lru_cache(_MOST_REMEMBERED)
def is_unit(text: str) -> bool:
    """Whether a text is made of the words and signs of units alone."""
    return _UNIT.fullmatch(text) is not None and _unit_words().issuperset(_LETTERS.findall(text))


@cache
def _unit_words() -> frozenset[str]:
    spelt = (word for pair in table("units")["spellings"].items() for word in pair)
    known = (word for text in spelt for word in _LETTERS.findall(text))
    return frozenset((*known, *rules().units.names))
