"""Looks at the FHIR servers: version, time, and what each template brings for a patient."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx

from cds_hooks.cds_client.server_chart import FhirAccess, access_token
from cds_hooks.consultation import KeyState
from cds_hooks.doctor.context import Context
from cds_hooks.doctor.fhir_findings import (
    GOOD_STATES,
    ServerSeen,
    TemplateRead,
    clock_finding,
    server_finding,
    template_finding,
    time_finding,
)
from cds_hooks.doctor.findings import Finding, Level, find
from cds_hooks.errors import ChartsideError
from cds_hooks.gather import GatherConfig, GatherResult, PatientUnavailable, gather, open_http
from cds_hooks.gather.fhir_client import FhirClient, ReadError
from cds_hooks.gather.fhir_version import version_of
from cds_hooks.gather.result import NoteCode
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.runtime.configs import services_of
from cds_hooks.runtime.egress import guarded
from cds_hooks.settings import Settings
from cds_hooks.tls_client import client_context

__all__ = ["clock_findings", "fhir_findings", "time_of"]

_TEMPLATE, _SERVER = "prefetch-template", "fhir-server"
_USER = "Practitioner/example"
_AWAY = (NoteCode.UNREACHABLE, NoteCode.UNTRUSTED, NoteCode.TIMEOUT, NoteCode.DEADLINE)


@dataclass(frozen=True, slots=True)
class _Server:
    access: FhirAccess
    token: str = field(repr=False)


async def fhir_findings(context: Context) -> list[Finding]:
    """Of each server: whether it answers, and what each template brings for the patient."""
    servers = _servers(context)
    if not servers:
        return [find(_SERVER, Level.UNCHECKED, "fhir.allowed_bases")]
    found: list[Finding] = []
    for access in servers:
        async with _opened(context.settings, access) as http:
            try:
                server = _Server(access, await _token(context, access, http))
            except ChartsideError as error:
                where = str(access.base)
                found.append(find(_SERVER, Level.FAIL, where, error.hint, problem=error.message))
                continue
            seen = await _see(http, server)
            found += [server_finding(seen), *await _templates(context, http, server, seen)]
    return found


async def clock_findings(context: Context) -> list[Finding]:
    """This machine's time beside that of the FHIR servers, and what tokens allow."""
    leeway = min((client.leeway_s for client in context.settings.clients), default=60.0)
    found = []
    for access in _servers(context):
        async with _opened(context.settings, access) as http:
            seen = await _see(http, _Server(access, ""))
        if seen.skew_s is not None:
            found.append(clock_finding(seen.base, seen.skew_s, leeway))
    return found or [find("clock", Level.UNCHECKED)]


def _servers(context: Context) -> list[FhirAccess]:
    if context.access is not None:
        return [context.access]
    bases = context.settings.fhir.allowed_bases
    # A token is of one server: where several are listed it is shown to none.
    token = context.token if len(bases) == 1 else ""
    parsed = (ServerBase.parse(text) for text in bases)
    return [FhirAccess(base, token) for base in parsed if base is not None]


def _opened(settings: Settings, access: FhirAccess) -> httpx.AsyncClient:
    tls = access.tls or client_context()
    transport = guarded(httpx.AsyncHTTPTransport(verify=tls, trust_env=False))
    return open_http(_bounds(settings, access), tls=tls, transport=transport)


def _bounds(settings: Settings, access: FhirAccess) -> GatherConfig:
    changed = {"allowed_bases": (str(access.base),), "read_s": access.patience_s}
    changed["connect_s"] = min(10.0, access.patience_s)
    return GatherConfig.model_validate({**settings.fhir.model_dump(), **changed})


async def _token(context: Context, access: FhirAccess, http: httpx.AsyncClient) -> str:
    """None without a patient: a CapabilityStatement needs none, and is asked for first."""
    return await access_token(access, http) if context.patient or access.token else ""


async def _see(http: httpx.AsyncClient, server: _Server) -> ServerSeen:
    """Read `[base]/metadata` once, and once more only for the time that its headers tell."""
    base, loop = server.access.base, asyncio.get_running_loop()
    bounds = GatherConfig(allowed_bases=(str(base),), read_s=server.access.patience_s)
    ends = loop.time() + server.access.patience_s
    client = FhirClient(http, base, server.token or None, bounds, ends)
    began, told, code = time.monotonic(), None, ""
    try:
        told = await client.read("metadata")
    except ReadError as error:
        code = error.code.value
    ms = _ms(began)
    return ServerSeen(str(base), version_of(told), code, ms, await _skew(http, base, code))


async def _skew(http: httpx.AsyncClient, base: ServerBase, code: str) -> float | None:
    if code in _AWAY:
        return None
    began = time.time()
    try:
        answer = await http.head(f"{base}/metadata")
    except httpx.HTTPError:
        return None
    there = time_of(answer.headers.get("date", ""))
    # The header has whole seconds: it is half of one late on the average.
    return None if there is None else there + 0.5 - (began + time.time()) / 2


def time_of(date: str) -> float | None:
    """The UTC seconds of a Date header (RFC 9110, 6.6.1); None for any other text."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (LookupError, ValueError, TypeError, OverflowError, OSError):
        return None


async def _templates(
    context: Context, http: httpx.AsyncClient, server: _Server, seen: ServerSeen
) -> list[Finding]:
    wanted = _wanted(context.settings)
    if not context.patient:
        problem = f"{len(wanted)} templates ({', '.join(wanted)}): which patient? --patient ID"
        unread = find(_TEMPLATE, Level.UNCHECKED, "", problem=problem)
        return [unread, find("fhir-in-time", Level.UNCHECKED)]
    if seen.code in _AWAY:
        return []
    reader = _Reader(context, http, server)
    reads = [await reader.one(key, query, required) for key, (query, required) in wanted.items()]
    found = [template_finding(read) for read in reads]
    if all(read.state in GOOD_STATES for read in reads if read.state is not None):
        fhir = context.settings.fhir
        took = await reader.whole({key: query for key, (query, _) in wanted.items()})
        found.append(time_finding(took, fhir.gather_within_s))
    return found


def _wanted(settings: Settings) -> dict[str, tuple[str, bool]]:
    """Each query of the offered services once: key -> query, and whether a service requires it."""
    wanted: dict[str, tuple[str, bool]] = {}
    for service in services_of(settings):
        for template in service.templates:
            wanted.setdefault(template.key, (template.query, template.required))
    return wanted


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads templates as a hook does, without its bound on time."""

    context: Context
    http: httpx.AsyncClient
    server: _Server

    async def one(self, key: str, query: str, required: bool) -> TemplateRead:
        """What one template brings by itself."""
        if "encounterId" in query and not self.context.encounter:
            return TemplateRead(key, 0, None, (), 0)
        began = time.monotonic()
        try:
            found = await self._gather({key: query})
        except PatientUnavailable as error:
            why = (error.reason.value,)
            return TemplateRead(key, 0, KeyState.UNAVAILABLE, why, _ms(began), required)
        kind = query.partition("?")[0].partition("/")[0]
        count = sum(resource.get("resourceType") == kind for resource in found.resources)
        codes = tuple(dict.fromkeys(code.value for code in found.notes_of(key)))
        return TemplateRead(key, count, found.states[key], codes, _ms(began), required)

    async def whole(self, queries: Mapping[str, str]) -> float:
        """Seconds for all of them together, as in a hook."""
        began = time.monotonic()
        usable = {
            key: query
            for key, query in queries.items()
            if "encounterId" not in query or self.context.encounter
        }
        await self._gather(usable)
        return time.monotonic() - began

    async def _gather(self, queries: Mapping[str, str]) -> GatherResult:
        names = {"patientId": self.context.patient, "userId": _USER}
        if self.context.encounter:
            names["encounterId"] = self.context.encounter
        access = self.server.access
        return await gather(
            {},
            queries,
            names,
            fhir_server=str(access.base),
            access_token=self.server.token or None,
            pool=self.http,
            config=_bounds(self.context.settings, access),
            deadline_s=10 * access.patience_s,
        )


def _ms(began: float) -> int:
    return round(1000 * (time.monotonic() - began))
