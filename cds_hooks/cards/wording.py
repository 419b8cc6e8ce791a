"""Cards inform and never instruct: which wording is a directive, and what is done about it."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

__all__ = ["finding", "is_directive", "metaphors", "orders", "prompts_to_act"]


class _Wording(BaseModel):
    """`data/wording.toml`: words, but for `phrases`, which are regular expressions.

    `lookalikes` are letters of other scripts by the Latin one that they look like.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    verbs: tuple[str, ...]
    nouns: tuple[str, ...]
    objects: tuple[str, ...]
    phrases: tuple[str, ...]
    test_verbs: tuple[str, ...]
    doses: tuple[str, ...]
    prompting: tuple[str, ...]
    metaphors: tuple[str, ...]
    lookalikes: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Patterns:
    directive: re.Pattern[str]
    verb: re.Pattern[str]
    test_verb: re.Pattern[str]
    prompting: re.Pattern[str]
    metaphor: re.Pattern[str]
    latin: dict[int, str]


@cache
def _patterns() -> _Patterns:
    raw = files(__package__).joinpath("data/wording.toml").read_text("utf-8")
    wording = _Wording.model_validate(tomllib.loads(raw))
    begins = r"(?:^\W*|[.;:!?]\W*|\b(?:and|then|please|now)\s+)"
    verbs = rf"(?:{_any(wording.verbs)})\b(?!-)"
    nouns = rf"(?:{_any(wording.nouns)})\s+(?:{_any(wording.objects)})\b"
    phrases = rf"\b(?:{_any(wording.phrases)}|(?:{_any(wording.doses)})\s+\d[\d.,]*)\b"
    tests = rf"(?:please|{_any(wording.test_verbs)})"
    return _Patterns(
        re.compile(rf"{begins}(?:{verbs}|{nouns})|{phrases}", re.IGNORECASE),
        re.compile(rf"(?<!-)\b{verbs}", re.IGNORECASE),
        re.compile(rf"^(?:{tests}\s+)+(?:an?\s+|the\s+)?", re.IGNORECASE),
        re.compile(rf"\b(?:{_any(wording.prompting)})\b|{begins}(?:{tests})\b", re.IGNORECASE),
        re.compile(rf"\b(?:{_any(wording.metaphors)})\b", re.IGNORECASE),
        {ord(c): latin for latin, alike in wording.lookalikes.items() for c in alike},
    )


def _any(words: Iterable[str]) -> str:
    return "|".join(words)


def is_directive(text: str) -> bool:
    """Whether `text`, on one line, tells its reader what to do (`data/wording.toml`)."""
    return _patterns().directive.search(_folded(text)) is not None


def orders(name: str) -> bool:
    """Whether what should be a diagnosis's name tells its reader what to do.

    Stricter than `is_directive`: in a name a verb of an order has no place anywhere.
    """
    return is_directive(name) or _patterns().verb.search(_folded(name)) is not None


def prompts_to_act(text: str) -> bool:
    """Whether words of ours suggest what to do: stricter than `is_directive`, for our texts."""
    return is_directive(text) or _patterns().prompting.search(text) is not None


def metaphors(text: str) -> bool:
    """Whether our own words say a thing by another one (`data/wording.toml`)."""
    return _patterns().metaphor.search(text) is not None


def finding(text: str) -> str:
    """`text` without the order it may be wrapped in: "Order a D-dimer" -> "D-dimer"."""
    return _patterns().test_verb.sub("", text) or text


def _folded(text: str) -> str:
    """`text` in the letters that a reader takes it for: full-width, mathematical, lookalike."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text).translate(_patterns().latin)
    return "".join(char for char in plain if not unicodedata.combining(char))
