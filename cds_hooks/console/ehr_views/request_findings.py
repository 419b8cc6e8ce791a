"""What a client sent that the specification does not allow, told by path and never by value."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from cds_hooks.addresses import is_loopback
from cds_hooks.conform.hooks import HOOKS
from cds_hooks.conform.shapes import absolute_url, is_text, null_or_empty
from cds_hooks.console.ehr_views.findings import Finding, finding, ordered
from cds_hooks.console.ehr_views.prefetch_findings import prefetch_findings
from cds_hooks.protocol.protocol_errors import FieldProblem
from fhir_mapping.chart import QualityNote

__all__ = ["feedback_findings", "request_findings"]

_MEMBERS = frozenset(
    {"hook", "hookInstance", "fhirServer", "fhirAuthorization", "context", "prefetch", "extension"}
)
_AUTHORIZATION = ("access_token", "token_type", "expires_in", "scope", "subject")
_OPTIONAL = frozenset({"encounterId", "fulfillmentTasks"})
_OPTIONAL_USER = "medication-refill"
_USERS = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")


def request_findings(
    request: Any,
    templates: Mapping[str, str],
    *,
    refused: Iterable[FieldProblem] = (),
    quality: Iterable[QualityNote] = (),
) -> tuple[Finding, ...]:
    """What is wrong with a hook request (JSON), what the specification forbids first.

    `templates` are the service's prefetch templates by key; `refused` the problems of a request
    that was answered with 400, `quality` the mapping's notes on resources (`Chart.quality`).
    """
    if not isinstance(request, dict):
        return (finding("not-json-object", ""),)
    found = [
        *(finding("refused", each.path, what=each.text) for each in refused),
        *_members(request),
        *_authorization(request),
        *_context(request),
        *prefetch_findings(request.get("prefetch"), templates),
        *_extensions(request.get("extension"), "extension"),
        *(finding("not-fhir", _element(each.path), what=each.message) for each in quality),
    ]
    return ordered(found)


def _members(request: Mapping[str, Any]) -> Iterator[Finding]:
    hook = request.get("hook")
    if not is_text(hook):
        yield finding("hook-missing", "hook")
    elif hook not in HOOKS:
        yield finding("hook-unknown", "hook")
    if not _is_uuid(request.get("hookInstance")):
        yield finding("hook-instance", "hookInstance")
    for name in request:
        if name not in _MEMBERS:
            yield finding("unknown-member", name)
    # What lies under prefetch is FHIR's, and its keys may be null.
    rest = {name: value for name, value in request.items() if name != "prefetch"}
    for path in null_or_empty(rest):
        yield finding("null-or-empty", path)


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False


def _authorization(request: Mapping[str, Any]) -> Iterator[Finding]:
    server, given = request.get("fhirServer"), request.get("fhirAuthorization")
    if isinstance(server, str) and server and not _is_secure(server):
        yield finding("fhir-server-http", "fhirServer")
    if not isinstance(given, dict) or not given:
        return
    if not server:
        yield finding("fhir-server-missing", "fhirServer")
    for name in _AUTHORIZATION:
        if name not in given:
            yield finding("authorization-member", f"fhirAuthorization.{name}")
    if given.get("token_type", "Bearer") != "Bearer":
        yield finding("authorization-type", "fhirAuthorization.token_type")
    seconds = given.get("expires_in", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        yield finding("authorization-seconds", "fhirAuthorization.expires_in")


def _is_secure(url: str) -> bool:
    """Whether it is https, or leads to this machine."""
    if not absolute_url(url):
        return False
    parts = urlsplit(url)
    try:
        here = parts.hostname == "localhost" or is_loopback(parts.hostname or "")
    except ValueError:
        here = False
    return here or parts.scheme.lower() == "https"


def _context(request: Mapping[str, Any]) -> Iterator[Finding]:
    context, hook = request.get("context"), request.get("hook")
    known = HOOKS.get(hook) if isinstance(hook, str) else None
    if not isinstance(context, dict) or known is None:
        return
    optional = _OPTIONAL - {"encounterId"} if str(hook).startswith("encounter-") else _OPTIONAL
    optional = optional | ({"userId"} if hook == _OPTIONAL_USER else set())
    for name in known.context:
        if name not in context and name not in optional:
            yield finding("context-missing", f"context.{name}")
    for name, value in context.items():
        yield from _context_field(name, value, name in known.context or name in _OPTIONAL)


def _context_field(name: str, value: Any, known: bool) -> Iterator[Finding]:
    where = f"context.{name}"
    if not known:
        yield finding("context-unknown", where)
    if name in ("patientId", "encounterId") and isinstance(value, str) and "/" in value:
        yield finding("context-reference", where)
    if name == "userId" and not _is_user(value):
        yield finding("context-user", where)
    if isinstance(value, dict) and value.get("resourceType") == "Bundle" and "type" not in value:
        yield finding("context-bundle-type", where)


def _is_user(value: Any) -> bool:
    kind, slash, id_ = value.partition("/") if isinstance(value, str) else ("", "", "")
    return bool(slash and id_) and "/" not in id_ and kind in _USERS


def _extensions(extension: Any, where: str) -> Iterator[Finding]:
    for name, value in extension.items() if isinstance(extension, dict) else ():
        if not isinstance(value, dict):
            yield finding("extension-not-object", f"{where}.{name}")


def _element(path: str) -> str:
    """ "Observation/o1.component[2].value" as "Observation.component[2].value": ids stay away."""
    head, _, rest = path.partition("/")
    return f"{head}.{rest.partition('.')[2]}".rstrip(".") if rest else head


def feedback_findings(document: Any, problems: Iterable[FieldProblem] = ()) -> tuple[Finding, ...]:
    """The same of a feedback call; `problems` are those of `protocol.feedback.parse_feedback`."""
    if not isinstance(document, dict):
        return (finding("not-json-object", ""),)
    entries = document.get("feedback")
    found = [finding("feedback-entry", each.path, what=each.text) for each in problems]
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and "overrideReasons" in entry:
            found.append(finding("feedback-plural", f"feedback[{place}].overrideReasons"))
    return ordered(found)
