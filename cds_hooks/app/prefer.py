"""How long a caller would wait for the outcome of work that it starts: RFC 7240, `Prefer: wait`."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["LONGEST_WAIT_S", "wait_of"]

LONGEST_WAIT_S = 600.0

# The first preference of a name counts (RFC 7240, section 2); delta-seconds are digits only.
_WAIT = re.compile(r"\s*wait\s*=\s*\"?([0-9]{1,6})\"?\s*(?:;.*)?", re.IGNORECASE)


def wait_of(values: Iterable[str]) -> float:
    """The seconds of `wait` in the values of a request's Prefer headers; 0 without a usable one."""
    preferences = (part for value in values for part in value.split(","))
    for preference in preferences:
        if match := _WAIT.fullmatch(preference):
            return min(float(match[1]), LONGEST_WAIT_S)
    return 0.0
