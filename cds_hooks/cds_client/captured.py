"""A captured hook request: the JSON of a CDS Hooks call, as an EHR sent it.

Taken are the bare request and our own envelope around it, `{"format": FORMAT, "version": 1,
"request": {...}}`. An access token in it is never used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_hooks.errors import ChartsideError

__all__ = ["FORMAT", "VERSION", "CaptureUnusable", "captured_request", "resources_of"]

FORMAT = "chartside-captured-request"
VERSION = 1


class CaptureUnusable(ChartsideError):
    """A file of a captured request that this version cannot read."""

    code = "capture-unusable"
    status = 400


def captured_request(document: Any, *, where: str) -> dict[str, Any] | None:
    """The hook request in a JSON document; None when it is none (a FHIR resource, say).

    `where` names the file in errors. Raises CaptureUnusable for one of another version.
    """
    if not isinstance(document, dict) or "resourceType" in document:
        return None
    if document.get("format") == FORMAT:
        document = _unwrapped(document, where)
    if not isinstance(document.get("hook"), str):
        return None
    context = document.get("context")
    if not isinstance(context, dict) or not isinstance(context.get("patientId"), str):
        hint = "It needs context.patientId, as since CDS Hooks 1.0: capture the hook again."
        message = "the captured request names no patient in its context"
        raise CaptureUnusable(message, where=where, hint=hint)
    return {name: value for name, value in document.items() if name != "fhirAuthorization"}


def _unwrapped(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    version, request = document.get("version"), document.get("request")
    if version != VERSION:
        told = version if isinstance(version, int) else "unknown"
        hint = f"Version {VERSION} is read here: capture it again, or use what wrote it."
        raise CaptureUnusable(f"the capture is of version {told}", where=where, hint=hint)
    if not isinstance(request, dict):
        hint = "It needs the member request, the hook request itself."
        raise CaptureUnusable("the capture holds no request", where=where, hint=hint)
    return request


def resources_of(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every FHIR resource of a hook request: of its prefetch, then of its context."""
    prefetch = request.get("prefetch")
    values = [*(prefetch.values() if isinstance(prefetch, dict) else ()),
              *request["context"].values()]  # fmt: skip
    return [resource for value in values for resource in _resources(value)]


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict):
        return
    kind = value.get("resourceType")
    if kind == "Bundle":
        entries = value.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            yield from _resources(entry.get("resource") if isinstance(entry, dict) else None)
    elif isinstance(kind, str) and kind != "OperationOutcome":
        yield value
