"""JSON objects from unauthenticated callers: one meaning only, or refused.

RFC 7515, section 4, and RFC 7519, section 4: member names must be unique. A reader that takes the
last of two and a proxy that takes the first would see two different tokens.
"""

from __future__ import annotations

import json
from typing import Any, Never

__all__ = ["NotStrictJson", "read_strict"]


_DEEPEST = 64
"""Levels of nesting, ours; how many a parser takes differs from one Python to the next."""


class NotStrictJson(ValueError):
    """Not one JSON object in UTF-8, nested too deeply, or a member is named twice."""


def read_strict(raw: bytes) -> dict[str, Any]:
    """The object in these bytes. Raises NotStrictJson."""
    try:
        found = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        raise NotStrictJson from None
    if not isinstance(found, dict) or _is_deeper_than(found, _DEEPEST):
        raise NotStrictJson
    return found


def _is_deeper_than(found: dict[str, Any], levels: int) -> bool:
    """Breadth first, because nothing may recurse over what an unauthenticated caller sent."""
    level: list[Any] = [found]
    for _ in range(levels):
        inner = (part.values() if isinstance(part, dict) else part for part in level)
        level = [child for parts in inner for child in parts if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrictJson
    return found


def _refuse(_: str) -> Never:
    """NaN and Infinity are no JSON."""
    raise NotStrictJson
