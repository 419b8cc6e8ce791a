"""JSON objects from strangers: one meaning only, or refused.

RFC 7515, section 4, and RFC 7519, section 4: member names must be unique. A reader that takes the
last of two and a proxy that takes the first would see two different tokens.
"""

from __future__ import annotations

import json
from typing import Any, Never

__all__ = ["NotStrictJson", "read_strict"]


class NotStrictJson(ValueError):
    """Not one JSON object in UTF-8, or a member is named twice."""


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
    if not isinstance(found, dict):
        raise NotStrictJson
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrictJson
    return found


def _refuse(_: str) -> Never:
    """NaN and Infinity are no JSON."""
    raise NotStrictJson
