"""Ids and references replaced by place, and the words that name somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cds_hooks.redaction.rules import rules

__all__ = ["Ids", "names_in"]

_RELATIVE = re.compile(
    r"(?:.*/)?([A-Z][A-Za-z]{2,40})/([A-Za-z0-9._~-]{1,128})(?:/_history/[^/]*)?"
)
_WORD = re.compile(r"[^\W_]{2,}")
_NAMING = ("name", "telecom", "address", "contact", "identifier")


class Ids:
    """Gives each id a new one, "observation-3", and the same to all that refer to it."""

    def __init__(self, request: Any = None) -> None:
        self._kinds = dict(_resources(request))
        self._known: dict[tuple[str, str], str] = {}
        self._count: dict[str, int] = {}

    def of(self, kind: str, old: str) -> str:
        """The new id of a resource of a type."""
        if (kind, old) not in self._known:
            self._count[kind] = number = self._count.get(kind, 0) + 1
            self._known[kind, old] = f"{kind.lower()}-{number}"
        return self._known[kind, old]

    def reference(self, text: str) -> str | None:
        """A reference as FHIR writes it: relative, absolute, `#contained` or `urn:`."""
        if text.startswith("#"):
            return f"#{self.of('Contained', text[1:])}" if len(text) > 1 else text
        if text.startswith(("urn:uuid:", "urn:oid:")):
            return self.urn(text)
        match = _RELATIVE.fullmatch(text)
        if match is None or match[1] not in rules().types.names:
            return None
        return f"{match[1]}/{self.of(match[1], match[2])}"

    def urn(self, text: str) -> str:
        """A `urn:uuid:` that is made up, and the same for the same; with the new id where it holds
        the id of a resource."""
        prefix, _, old = text.rpartition(":")
        if old in self._kinds:
            return f"{prefix}:{self.of(self._kinds[old], old)}"
        number = self.of("Urn", text).rpartition("-")[2]
        return f"urn:uuid:00000000-0000-4000-8000-{int(number):012d}"


def _resources(value: Any) -> Iterator[tuple[str, str]]:
    """The id and type of every resource."""
    if isinstance(value, list):
        for each in value:
            yield from _resources(each)
    elif isinstance(value, dict):
        kind, old = value.get("resourceType"), value.get("id")
        if isinstance(kind, str) and kind in rules().types.names and isinstance(old, str):
            yield old, kind
        for inner in value.values():
            yield from _resources(inner)


def names_in(request: Any) -> frozenset[str]:
    """Every word, in small letters, of the names, addresses and numbers of the request's people and
    places, and of what its references to them display."""
    return frozenset(word.casefold() for text in _naming(request) for word in _WORD.findall(text))


def _naming(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _naming(each)
    elif isinstance(value, dict):
        kind = value.get("resourceType")
        is_person = isinstance(kind, str) and kind in rules().people.types
        for name, inner in value.items():
            if name in rules().people.names or (is_person and name in _NAMING):
                yield from _texts(inner)
            else:
                yield from _naming(inner)


def _texts(value: Any) -> Iterator[str]:
    """Every text below, but codes of FHIR's own ("use": "home")."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("use", "system", "code", "type", "reference", "resourceType"):
                yield from _texts(inner)
