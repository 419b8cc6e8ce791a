"""Our own prefetch templates, filled as a client would (CDS Hooks 2.0.1, Prefetch Template).

A value that fills a token is percent-encoded, and refused where FHIR's search syntax or a path
would give one of its characters a meaning: an id can never widen a query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cds_hooks.gather.result import NoteCode

__all__ = ["PrefetchQuery", "UnfilledError"]

_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_TYPE = re.compile(r"[A-Z][A-Za-z]*(?=[/?]|$)")
_COUNT = re.compile(r"[?&]_count=([0-9]{1,6})(?=&|$)")
_ROOT_FIELD = re.compile(r"context\.([A-Za-z][A-Za-z0-9]*)")
_USER_TOKENS = {
    "userPractitionerId": "Practitioner",
    "userPractitionerRoleId": "PractitionerRole",
    "userPatientId": "Patient",
    "userRelatedPersonId": "RelatedPerson",
}
# Without what separates or escapes inside a search value (`,` `|` `$` `\`, FHIR R4 search), what
# separates in a URL's path, and dots alone, which climb it.
_ID = re.compile(r"(?!\.+$)[^\s\x00-\x20\x7f-\xa0\ud800-\udfff,|$\\/{}]{1,256}")


class UnfilledError(Exception):
    """A token has no usable value; `code` says which way."""

    def __init__(self, code: NoteCode) -> None:
        super().__init__(code.value)
        self.code = code


@dataclass(frozen=True, slots=True)
class PrefetchQuery:
    """One prefetch template: `text` is a relative read (`Patient/{{..}}`) or search URL."""

    key: str
    text: str

    @property
    def resource_type(self) -> str:
        """The type asked for; empty when a token alone decides it (`{{context.userId}}`)."""
        match = _TYPE.match(self.text)
        return match[0] if match else ""

    @property
    def head(self) -> int | None:
        """How many are asked for when the search is sorted and counted (the newest N).

        Without `_sort`, `_count` is only a page size and all pages are wanted.
        """
        count = _COUNT.search(self.text)
        return int(count[1]) if count and "_sort=" in self.text else None

    def fill(self, context: Mapping[str, Any]) -> str:
        """The relative URL for the hook's context (as on the wire). Raises UnfilledError."""
        return _TOKEN.sub(lambda match: _value(match[1], context), self.text)


def _value(token: str, context: Mapping[str, Any]) -> str:
    """The percent-encoded value of a token; `context.userId` stays the reference it is."""
    if token in _USER_TOKENS:
        kind, value = _reference(context.get("userId"))
        return _encoded(value if kind == _USER_TOKENS[token] else None)
    field = _ROOT_FIELD.fullmatch(token)
    if field is None:
        raise UnfilledError(NoteCode.TOKEN_UNKNOWN)
    if field[1] == "userId":
        kind, value = _reference(context.get("userId"))
        if kind and not _TYPE.fullmatch(kind):
            raise UnfilledError(NoteCode.TOKEN_REFUSED)
        return f"{kind}/{_encoded(value)}"
    return _encoded(context.get(field[1]))


def _reference(value: Any) -> tuple[str, str | None]:
    """Type and id of `Type/id`; no id when the value is no reference."""
    kind, slash, bare = value.partition("/") if isinstance(value, str) else ("", "", "")
    return (kind, bare) if slash else ("", None)


def _encoded(value: Any) -> str:
    """An id as it may stand in a URL."""
    if value is None or value == "":
        raise UnfilledError(NoteCode.TOKEN_MISSING)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise UnfilledError(NoteCode.TOKEN_REFUSED)
    return quote(value, safe="")
