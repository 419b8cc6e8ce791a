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
# What would steer a terminal or turn its text around, and what XML 1.0 cannot hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Problem:
    """A check that failed: what came instead, and where in the answer."""

    check: str
    came: str
    where: str = ""


def is_text(value: Any) -> bool:
    """Whether it is a text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def brief(value: Any, longest: int = _LONGEST) -> str:
    """A value of the service as a short text that a terminal can show and XML can hold."""
    text = _CONTROL.sub(" ", value if isinstance(value, str) else repr(value))
    return text if len(text) <= longest else f"{text[:longest]}..."


def absolute_url(value: Any) -> bool:
    """Whether it is a URL with a scheme and a host."""
    if not is_text(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def null_or_empty(document: Any) -> Iterator[str]:
    """The paths of elements that are null or empty; `cards` and `services` may be empty arrays."""
    # Not recursive: a service may nest as deep as it likes.
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if value is None or value in ("", [], {}):
            if not (value == [] and path in _MAY_BE_EMPTY):
                yield path or "(root)"
        elif isinstance(value, dict):
            inner = [
                (f"{path}.{name}" if path else str(name), item) for name, item in value.items()
            ]
            waiting.extend(reversed(inner))
        elif isinstance(value, list):
            inner = [(f"{path}[{place}]", item) for place, item in enumerate(value)]
            waiting.extend(reversed(inner))


def coding_problems(value: Any, *, display: bool = False) -> str:
    """What a Coding lacks, in words; empty when it is whole."""
    if not isinstance(value, dict):
        return "no object"
    wanted = ("code", "system", *(("display",) if display else ()))
    return ", ".join(f"no {name}" for name in wanted if not is_text(value.get(name)))
