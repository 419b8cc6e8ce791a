"""From typed answers to JSON: the specification's names, nothing null or empty, nothing invalid.

"JSON elements SHALL NOT be null or empty": what has no value is left out, except `cards` and
`services`, whose empty arrays have a meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import orjson

from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.discovery import Discovery
from cds_hooks.protocol.operation_outcome import CODE_SYSTEM, Issue, OperationOutcome
from cds_hooks.protocol.schema_validation import SchemaName, check

__all__ = ["to_document", "to_json"]

Answer = Response | Discovery | OperationOutcome


def to_json(answer: Answer) -> bytes:
    """UTF-8 JSON of an answer that conforms to its schema; AnswerInvalid when it does not."""
    return orjson.dumps(to_document(answer))


def to_document(answer: Answer) -> dict[str, Any]:
    """The same as a dict, for printing and for tests. Raises AnswerInvalid."""
    document, name = _document(answer)
    check(document, name)
    return document


def _document(answer: Answer) -> tuple[dict[str, Any], SchemaName]:
    if isinstance(answer, Response):
        return {"cards": [], **_pruned(answer)}, "response"
    if isinstance(answer, Discovery):
        return {"services": [], **_pruned(answer)}, "discovery"
    issues = [_issue(issue) for issue in answer.issues]
    return {"resourceType": "OperationOutcome", "issue": issues}, "operation-outcome"


def _issue(issue: Issue) -> dict[str, Any]:
    details = {"coding": [{"system": CODE_SYSTEM, "code": issue.code}], "text": issue.text}
    raw = {
        "severity": issue.severity,
        "code": issue.kind,
        "details": details,
        "diagnostics": issue.hint,
        "expression": [issue.path],
    }
    pruned: dict[str, Any] = _pruned(raw)
    return pruned


def _pruned(value: Any) -> Any:
    """Plain dicts, lists and scalars, without members that are null or empty.

    A null inside an array stays and makes the answer invalid: taking it out would move what comes
    after it, and FHIR pairs such arrays by position.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if is_dataclass(value):
        return _pruned({wire: getattr(value, name) for name, wire in _names(value.__class__)})
    if isinstance(value, Mapping):
        members = {key: _pruned(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if not _empty(member)}
    if isinstance(value, list | tuple):
        return [part for item in value if (part := _pruned(item)) is None or not _empty(part)]
    return value


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


@cache
def _names(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """A dataclass's fields with their names in JSON."""
    return tuple((each.name, _camel(each.name)) for each in fields(kind))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
