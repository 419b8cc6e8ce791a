"""Read what lies under a prefetch key, whatever JSON it is. Pure.

A client may leave a key out, send null, a resource, a bundle (empty, whole or one page of it) or
an OperationOutcome, as the value or inside a bundle (CDS Hooks 2.0.1, Prefetch Template); and
some send other things. The same reader serves the answers of a FHIR server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cds_hooks.gather.arrival import (
    OTHER_TYPE,
    OTHER_TYPES,
    UNREADABLE,
    arrival,
    outcome_arrival,
)
from cds_hooks.gather.key_reading import ABSENT, KeyReading, KeyShape
from cds_hooks.gather.prefetch_queries import PrefetchQuery
from cds_hooks.gather.result import NoteCode, Resource

__all__ = ["read_key", "read_value"]


def read_key(prefetch: Mapping[str, Any], template: PrefetchQuery) -> KeyReading:
    """What the client sent for one of our templates."""
    if template.key not in prefetch:
        return ABSENT
    return read_value(prefetch[template.key], template.resource_type, template.head)


def read_value(value: Any, expected: str = "", head: int | None = None) -> KeyReading:
    """Read any JSON value that should hold resources of type `expected` (empty: of any type)."""
    if value is None:
        return KeyReading(KeyShape.NULL)
    kind = _resource_type(value)
    if not kind:
        return KeyReading(
            KeyShape.NOT_A_RESOURCE, notes=_once(NoteCode.NOT_A_RESOURCE), arrived=arrival(value)
        )
    if kind == "Bundle":
        return _read_bundle(value, expected, head)
    if kind == "OperationOutcome":
        code = NoteCode.ERROR_OUTCOME if _is_error(value) else NoteCode.WARNING_OUTCOME
        return KeyReading(KeyShape.OUTCOME, notes=_once(code), arrived=arrival(value))
    if expected not in {"", kind}:
        return KeyReading(
            KeyShape.WRONG_TYPE, (value,), notes=_once(NoteCode.WRONG_TYPE), arrived=OTHER_TYPE
        )
    return KeyReading(KeyShape.RESOURCE, (value,), matches=1)


def _once(code: NoteCode) -> Mapping[NoteCode, int]:
    return {code: 1}


def _read_bundle(bundle: Resource, expected: str, head: int | None) -> KeyReading:
    notes: Counter[NoteCode] = Counter()
    resources: list[Resource] = []
    urns: dict[str, str] = {}
    matches = 0
    for entry in _entries(bundle, notes):
        resource = _entry_resource(entry, notes)
        if resource is None:
            continue
        resources.append(resource)
        matches += _mode(entry) != "include"
        full_url = entry.get("fullUrl")
        if isinstance(full_url, str) and full_url.startswith("urn:"):
            urns[full_url] = f"{resource['resourceType']}/{resource.get('id', '')}"
    reading = KeyReading(
        shape=KeyShape.BUNDLE,
        resources=tuple(resources),
        next_url=_next_url(bundle),
        total=_total(bundle),
        matches=matches,
        head=head,
        urns=urns,
        notes=notes,
    )
    shaped = _typed(reading, expected).shaped()
    return shaped if shaped.obtained else replace(shaped, arrived=_bundle_arrival(bundle, shaped))


def _bundle_arrival(bundle: Resource, reading: KeyReading) -> str:
    """What a bundle that does not answer the question held instead."""
    if reading.shape is KeyShape.WRONG_TYPE:
        return OTHER_TYPES
    entries = bundle.get("entry")
    listed = entries if isinstance(entries, list) else []
    held = [entry.get("resource") for entry in listed if isinstance(entry, dict)]
    outcomes = [r for r in held if _resource_type(r) == "OperationOutcome"]
    return outcome_arrival(outcomes) if outcomes else UNREADABLE


def _typed(reading: KeyReading, expected: str) -> KeyReading:
    """A bundle with none of the type asked for is an answer to some other question."""
    kinds = {resource["resourceType"] for resource in reading.resources}
    if not kinds or expected == "" or expected in kinds:
        return reading
    return replace(reading, shape=KeyShape.WRONG_TYPE).noting(NoteCode.WRONG_TYPE)


def _entries(bundle: Resource, notes: Counter[NoteCode]) -> list[dict[str, Any]]:
    entries = bundle.get("entry")
    if entries is None:
        return []
    if not isinstance(entries, list):
        notes[NoteCode.ENTRY_UNREADABLE] += 1
        return []
    good = [entry for entry in entries if isinstance(entry, dict)]
    if bad := len(entries) - len(good):
        notes[NoteCode.ENTRY_UNREADABLE] += bad
    return good


def _entry_resource(entry: dict[str, Any], notes: Counter[NoteCode]) -> Resource | None:
    """The entry's resource; an OperationOutcome becomes a note, as does what cannot be read."""
    resource: Any = entry.get("resource")
    kind = _resource_type(resource)
    if kind == "OperationOutcome":
        error = _is_error(resource)
        notes[NoteCode.ERROR_OUTCOME if error else NoteCode.WARNING_OUTCOME] += 1
        return None
    if _mode(entry) == "outcome":
        return None
    if kind in {"", "Bundle"}:
        notes[NoteCode.ENTRY_UNREADABLE] += 1
        return None
    found: Resource = resource
    return found


def _resource_type(value: Any) -> str:
    kind = value.get("resourceType") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _mode(entry: Mapping[str, Any]) -> str:
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    return mode if isinstance(mode, str) else ""


def _is_error(outcome: Any) -> bool:
    """Whether an OperationOutcome tells of an error; one that tells nothing counts as one."""
    issues = outcome.get("issue")
    severities = [
        issue.get("severity") if isinstance(issue, dict) else None
        for issue in (issues if isinstance(issues, list) else [])
    ]
    return not severities or not all(word in ("warning", "information") for word in severities)


def _next_url(bundle: Resource) -> str | None:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) else ""
    return None


def _total(bundle: Resource) -> int | None:
    total = bundle.get("total")
    return total if isinstance(total, int) and not isinstance(total, bool) else None
