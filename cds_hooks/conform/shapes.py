"""Small questions about JSON that several checks ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Problem", "absolute_url", "brief", "coding_problems", "is_text", "null_or_empty"]

_LONGEST = 80
_MAY_BE_EMPTY = frozenset({"cards", "services"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Problem:
    """A check that failed: what came instead, and where in the answer."""

    check: str
    came: str
    where: str = ""


def is_text(value: Any) -> bool:
    """Whether it is a text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def brief(value: Any) -> str:
    """A value of the service as a short text that a terminal can show."""
    text = _CONTROL.sub(" ", value if isinstance(value, str) else repr(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def absolute_url(value: Any) -> bool:
    """Whether it is a URL with a scheme and a host."""
    if not is_text(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def null_or_empty(document: Any, path: str = "") -> Iterator[str]:
    """The paths of elements that are null or empty; `cards` and `services` may be empty arrays."""
    if document is None or document in ("", [], {}):
        if not (document == [] and path in _MAY_BE_EMPTY):
            yield path or "(root)"
    elif isinstance(document, dict):
        for name, value in document.items():
            yield from null_or_empty(value, f"{path}.{name}" if path else str(name))
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from null_or_empty(value, f"{path}[{place}]")


def coding_problems(value: Any, *, display: bool = False) -> str:
    """What a Coding lacks, in words; empty when it is whole."""
    if not isinstance(value, dict):
        return "no object"
    wanted = ("code", "system", *(("display",) if display else ()))
    return ", ".join(f"no {name}" for name in wanted if not is_text(value.get(name)))
