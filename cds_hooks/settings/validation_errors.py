"""What pydantic found, told by key and without what was given."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cds_hooks.settings.errors import SettingsError
from cds_hooks.settings.keys import known_keys

__all__ = ["LISTED", "explained", "nearest"]

LISTED = "docs/settings.md lists all keys."


def explained(error: ValidationError) -> SettingsError:
    """Every problem by its key. What was given is not repeated: it may be a secret put there."""
    found = error.errors(include_url=False, include_input=False)
    problems = tuple((_key(each), _problem(each)) for each in found)
    told = "; ".join(text for _, text in problems)
    refused = SettingsError(told, where=problems[0][0], hint=LISTED)
    refused.problems = problems
    return refused


def _problem(found: ErrorDetails) -> str:
    key = _key(found)
    if found["type"] == "extra_forbidden":
        return f"{key} is not known{nearest(key, (known for known, _ in known_keys()))}"
    said = found["msg"].removeprefix("Value error, ")
    return f"{key}: {said[:1].lower()}{said[1:]}"


def _key(found: ErrorDetails) -> str:
    return ".".join(str(part) for part in found["loc"])


def nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
