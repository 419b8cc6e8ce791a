"""A hook request as it came over the wire: read leniently, held without leaking.

Unknown properties and extensions are let through; what the service needs is checked; what is wrong
is named by path. Nothing here shows a value in its `repr`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from cds_hooks.consultation import Caller
from cds_hooks.protocol.hooks import Hook
from cds_hooks.protocol.json_body import DEFAULT_LIMITS, BodyLimits, FieldReader, read_object
from cds_hooks.protocol.protocol_errors import HookMismatch, RequestInvalid

__all__ = ["LONGEST_INSTANCE", "FhirAuthorization", "HookContext", "HookRequest", "parse_request"]

LONGEST_INSTANCE = 256
"""The most characters of a `hookInstance`."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})

# FHIR allows [A-Za-z0-9-.]{1,64}; real servers also use "_" and longer ids. These ids become parts
# of URLs, so what could leave the path (a slash, a query, only dots) is refused.
_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._~-]{1,128}")
_TOKEN68 = re.compile(r"[\x21-\x7e]+")
_CONTEXT_FIELDS = frozenset({"userId", "patientId", "encounterId"})


@dataclass(frozen=True, slots=True)
class FhirAuthorization:
    """The EHR's bearer token for one hook call: never stored, logged or shown.

    `expires_in` is in seconds, None when the client did not say. `scope` is kept as sent: real
    clients write free text into it, so nothing is decided by it.
    """

    access_token: str = field(repr=False)
    token_type: str = "Bearer"  # noqa: S105 - the type, not a token
    expires_in: int | None = None
    scope: str = ""
    subject: str = field(default="", repr=False)
    patient: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HookContext:
    """Bare ids of patient and encounter, the user as `Type/id`, and everything else as sent."""

    user_id: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    encounter_id: str = field(default="", repr=False)
    extras: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One call of a service. `prefetch` values are raw FHIR or null, exactly as sent.

    A key that is in `prefetch` with None means that the client found no data; a key that is not
    there means that it could not or would not provide it. `caller` is not in the body: the edge
    adds who sent it.
    """

    hook: str
    hook_instance: str
    context: HookContext
    fhir_server: str = field(default="", repr=False)
    fhir_authorization: FhirAuthorization | None = None
    prefetch: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)
    extension: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)
    caller: Caller | None = None


def parse_request(
    body: bytes,
    hook: Hook | None = None,
    limits: BodyLimits = DEFAULT_LIMITS,
) -> HookRequest:
    """The request in a body.

    With `hook`, the request must be for it and carry its context. Raises a 400 or 413
    ChartsideError: see `read_object`, HookMismatch, and RequestInvalid with every problem found.
    """
    reader = FieldReader(read_object(body, limits))
    name = reader.text("hook", required=True, longest=128)
    if hook is not None and name and name != hook.name:
        raise HookMismatch("this service answers another hook", where="hook", hint=_OTHER_HOOK)
    request = HookRequest(
        hook=name,
        hook_instance=reader.text("hookInstance", required=True, longest=LONGEST_INSTANCE),
        context=_context(reader, hook),
        fhir_server=_fhir_server(reader),
        fhir_authorization=_authorization(reader),
        prefetch=reader.object("prefetch") or _NOTHING,
        extension=reader.object("extension") or _NOTHING,
    )
    if reader.problems:
        raise RequestInvalid(reader.problems, hint="See the CDS Hooks specification, HTTP request.")
    return request


_OTHER_HOOK = "Call the service that discovery lists for this hook."


def _context(reader: FieldReader, hook: Hook | None) -> HookContext:
    raw = reader.object("context", required=True)
    if raw is None:
        return HookContext()
    context = FieldReader(raw, reader.at("context"), reader.problems)
    required = hook.required if hook else frozenset()
    return HookContext(
        user_id=context.text("userId", required="userId" in required, longest=512),
        patient_id=_bare_id(context, "patientId", "Patient/", required="patientId" in required),
        encounter_id=_bare_id(
            context, "encounterId", "Encounter/", required="encounterId" in required
        ),
        extras={key: value for key, value in raw.items() if key not in _CONTEXT_FIELDS},
    )


def _bare_id(context: FieldReader, name: str, prefix: str, *, required: bool) -> str:
    """An id; some clients send a reference (`Patient/123`) where the bare id belongs."""
    value = context.text(name, required=required)
    bare = value.removeprefix(prefix)
    if value and not _ID.fullmatch(bare):
        context.complain(name, "value", "is not a FHIR id")
        return ""
    return bare


def _fhir_server(reader: FieldReader) -> str:
    """The base URL without its last slash. It is not trusted here: who calls it must allow it."""
    # "If fhirAuthorization is provided, this field is REQUIRED."
    url = reader.text("fhirServer", required=bool(reader.raw.get("fhirAuthorization")))
    if not url or _is_base_url(url):
        return url.rstrip("/")
    reader.complain("fhirServer", "value", "must be an absolute http or https URL of a base")
    return ""


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or not port_ok:
        return False
    return not (parts.query or parts.fragment or "@" in parts.netloc or " " in url)


def _authorization(reader: FieldReader) -> FhirAuthorization | None:
    fields = reader.inside("fhirAuthorization")
    if fields is None:
        return None
    token = fields.text("access_token", required=True, longest=65536)
    if token and not _TOKEN68.fullmatch(token):
        fields.complain("access_token", "value", "has characters that no bearer token has")
    kind = fields.text("token_type") or "Bearer"
    if kind.lower() != "bearer":
        fields.complain("token_type", "value", "must be Bearer")
    return FhirAuthorization(
        access_token=token,
        expires_in=_seconds(fields),
        scope=fields.text("scope", longest=65536),
        subject=fields.text("subject"),
        patient=fields.text("patient"),
    )


def _seconds(fields: FieldReader) -> int | None:
    """`expires_in`, also when a client sends the number as a string or with a fraction."""
    value = fields.raw.get("expires_in")
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool):
            raise ValueError
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        fields.complain("expires_in", "structure", "must be a number of seconds")
        return None
