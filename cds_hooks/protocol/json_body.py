"""From bytes to one JSON object within limits, and from an object to its fields, leniently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cds_hooks.protocol.protocol_errors import (
    BodyTooDeep,
    BodyTooLarge,
    BodyTooManyParts,
    BodyUnreadable,
    FieldProblem,
)

__all__ = ["DEFAULT_LIMITS", "BodyLimits", "FieldReader", "read_object"]

_BOM = b"\xef\xbb\xbf"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`max_bytes` of a body, `max_depth` of nesting, `max_parts` arrays and objects in it.

    FHIR resources nest about a dozen levels; a 16 MiB bundle holds about 300,000 parts.
    """

    max_bytes: int = 16 * 1024 * 1024
    max_depth: int = 64
    max_parts: int = 1_000_000


DEFAULT_LIMITS = BodyLimits()


def read_object(body: bytes, limits: BodyLimits = DEFAULT_LIMITS) -> dict[str, Any]:
    """One JSON object, or BodyTooLarge, BodyTooManyParts, BodyTooDeep or BodyUnreadable.

    Nothing here recurses: orjson refuses by itself past 1,024 levels, before it builds anything
    deeper, and the levels below that are counted breadth first.
    """
    if len(body) > limits.max_bytes:
        raise BodyTooLarge("the body is larger than the limit", hint=_LARGE)
    if body.count(b"{") + body.count(b"[") > limits.max_parts:
        raise BodyTooManyParts("the body has too many arrays and objects", hint=_LARGE)
    document = _loads(body.removeprefix(_BOM))
    if not isinstance(document, dict):
        raise BodyUnreadable("the body is not a JSON object", hint="Send one JSON object.")
    if _deeper_than(document, limits.max_depth):
        raise BodyTooDeep("the body is nested too deeply", hint=_DEEP.format(limits.max_depth))
    return document


_LARGE = "Ask for less in the prefetch, for instance with a smaller _count."
_DEEP = "At most {} levels are read."


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg or "ecursion" in error.msg:
            refusal: Exception = BodyTooDeep("the body is nested too deeply")
        else:
            where = f"line {error.lineno} column {error.colno}"
            refusal = BodyUnreadable("the body is not valid JSON", where=where)
    # Raised out here, so that orjson's error, which holds the whole body, is not in the chain.
    raise refusal


def _deeper_than(document: dict[str, Any], levels: int) -> bool:
    level: list[Any] = [document]
    for _ in range(levels):
        level = [
            child
            for part in level
            for child in (part.values() if type(part) is dict else part)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


@dataclass(frozen=True, slots=True)
class FieldReader:
    """The fields of one object; what is wrong with them is added to `problems` by path.

    `null` and `""` count as absent: the specification forbids both, and clients send them.
    """

    raw: Mapping[str, Any]
    path: str = ""
    problems: list[FieldProblem] = field(default_factory=list)

    def at(self, name: str) -> str:
        """The path of a field, as `context.patientId`."""
        return f"{self.path}.{name}" if self.path else name

    def complain(self, name: str, kind: Any, text: str) -> None:
        """Remember that something is wrong with a field."""
        self.problems.append(FieldProblem(self.at(name), kind, text))

    def text(self, name: str, *, required: bool = False, longest: int = 2048) -> str:
        """A string, or "" when it is absent or wrong."""
        value = self._present(name, required=required)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.complain(name, "structure", "must be a string")
        elif len(value) > longest or _CONTROL.search(value):
            self.complain(name, "value", "is too long or has control characters")
        else:
            return value
        return ""

    def object(self, name: str, *, required: bool = False) -> Mapping[str, Any] | None:
        """An object, or None when it is absent or wrong."""
        value = self._present(name, required=required)
        if value is None or isinstance(value, dict):
            return value
        self.complain(name, "structure", "must be an object")
        return None

    def inside(self, name: str, *, required: bool = False) -> FieldReader | None:
        """A reader of the object in a field, sharing this one's problems."""
        value = self.object(name, required=required)
        return None if value is None else FieldReader(value, self.at(name), self.problems)

    def _present(self, name: str, *, required: bool) -> Any:
        value = self.raw.get(name)
        if value is not None and value != "":
            return value
        if required:
            self.complain(name, "required", "is required")
        return None
