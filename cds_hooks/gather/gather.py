"""Gather a chart for one hook call: from prefetch what is there, from the FHIR server the rest.

Runs before the answer and while the EHR's token lives; nothing is kept of the token afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from cds_hooks.consultation import KeyState
from cds_hooks.gather.arrival import NOT_SENT
from cds_hooks.gather.fetch import fetch_key, fetch_medications, follow_pages, medication_links
from cds_hooks.gather.fhir_client import FhirClient, usable_token
from cds_hooks.gather.fhir_settings import GatherConfig
from cds_hooks.gather.fhir_version import VersionCache
from cds_hooks.gather.key_reading import KeyReading, KeyShape
from cds_hooks.gather.ownership import Owner, identifiers_of
from cds_hooks.gather.prefetch_queries import PrefetchQuery, UnfilledError
from cds_hooks.gather.prefetch_values import read_key, read_value
from cds_hooks.gather.result import GatherResult, NoteCode, PatientUnavailable
from cds_hooks.gather.result_builder import GatherResultBuilder
from cds_hooks.gather.server_base import ServerBase, allowed_base

__all__ = ["gather"]

_FETCH_NOTHING = GatherConfig()


async def gather(
    prefetch: Mapping[str, Any],
    templates: Mapping[str, str],
    context: Mapping[str, Any],
    *,
    fhir_server: str | None = None,
    access_token: str | None = None,
    pool: httpx.AsyncClient | None = None,
    versions: VersionCache | None = None,
    config: GatherConfig = _FETCH_NOTHING,
    deadline_s: float = 5.0,
) -> GatherResult:
    """All that can be had of the chart of `context["patientId"]` within `deadline_s` from now.

    `prefetch` maps keys to any JSON, `templates` our keys to our templates; `context` has the
    hook's fields as on the wire. `pool` is what `open_http` gave, `versions` outlives the call;
    without a pool, or when the site does not allow `fhir_server`, nothing is fetched.

    Raises PatientUnavailable (412) when a template asks for the Patient and it can be had from
    nowhere. Any other key that is missing is a state and a note.
    """
    asked = [PrefetchQuery(key, text) for key, text in templates.items()]
    sent = {template.key: read_key(prefetch, template) for template in asked}
    unknown = [read_value(value) for key, value in prefetch.items() if key not in templates]
    owner = _owner(context, [*sent.values(), *unknown], fhir_server, config)
    ends = asyncio.get_running_loop().time() + deadline_s
    client = _client(fhir_server, access_token, pool, config, ends)
    if isinstance(client, NoteCode):
        noted = {key: _noting(reading, client) for key, reading in sent.items()}
        return _gathered(_result_builder(asked, noted, unknown, owner), None)
    versions = versions or VersionCache()
    readings = await _complete(client, asked, sent, context, owner, versions)
    settled = _result_builder(asked, readings, unknown, owner)
    await _add_medications(client, settled)
    return _gathered(settled, versions.known(client.base))


def _owner(
    context: Mapping[str, Any],
    readings: Iterable[KeyReading],
    fhir_server: str | None,
    config: GatherConfig,
) -> Owner:
    """The patient of the hook, as references within what was sent may name it."""
    patient_id = str(context.get("patientId", ""))
    base = ServerBase.parse(fhir_server or "")
    hosts = {base.authority, *config.same_server_hosts} if base else set[str]()
    name = f"Patient/{patient_id}"
    urns = {urn for reading in readings for urn, named in reading.urns.items() if named == name}
    return Owner(patient_id, frozenset(hosts), urns=frozenset(urns))


def _client(
    fhir_server: str | None,
    access_token: str | None,
    pool: httpx.AsyncClient | None,
    config: GatherConfig,
    ends: float,
) -> FhirClient | NoteCode:
    """A client for the call's FHIR server, or why there is none."""
    if not fhir_server:
        return NoteCode.SERVER_MISSING
    base = allowed_base(fhir_server, config.allowed_bases)
    if base is None or pool is None:
        return NoteCode.SERVER_NOT_ALLOWED
    if access_token and not usable_token(access_token):
        return NoteCode.ACCESS_TOKEN_UNUSABLE
    return FhirClient(pool, base, access_token, config, ends)


def _noting(reading: KeyReading, code: NoteCode) -> KeyReading:
    return reading if reading.complete else reading.noting(code)


async def _complete(
    client: FhirClient,
    asked: Sequence[PrefetchQuery],
    sent: Mapping[str, KeyReading],
    context: Mapping[str, Any],
    owner: Owner,
    versions: VersionCache,
) -> dict[str, KeyReading]:
    """Read at once all that the client did not send whole, and the version if anything is read."""
    if all(reading.complete for reading in sent.values()):
        return dict(sent)
    async with asyncio.TaskGroup() as group:
        group.create_task(versions.ask(client))
        tasks = {
            template.key: group.create_task(
                _complete_key(client, template, sent[template.key], context, owner)
            )
            for template in asked
        }
    return {key: task.result() for key, task in tasks.items()}


async def _complete_key(
    client: FhirClient,
    template: PrefetchQuery,
    sent: KeyReading,
    context: Mapping[str, Any],
    owner: Owner,
) -> KeyReading:
    if sent.complete:
        return sent
    if sent.shape is KeyShape.PAGED_BUNDLE:
        return await follow_pages(client, template, sent, owner)
    try:
        url = template.fill(context)
    except UnfilledError as error:
        return sent.noting(error.code)
    return await fetch_key(client, template, url, sent, owner)


def _result_builder(
    asked: Sequence[PrefetchQuery],
    readings: Mapping[str, KeyReading],
    unknown: Sequence[KeyReading],
    owner: Owner,
) -> GatherResultBuilder:
    """What is kept. Raises PatientUnavailable."""
    settled = GatherResultBuilder(_with_identifiers(owner, [*readings.values(), *unknown]))
    for template in asked:
        settled.key(template.key, readings[template.key], template.resource_type)
    for reading in unknown:
        settled.unknown(reading)
    for template in asked:
        missing = settled.states[template.key] is KeyState.UNAVAILABLE
        if template.resource_type == "Patient" and missing and not _has_patient(settled):
            raise _unavailable(settled, template.key)
    return settled


def _with_identifiers(owner: Owner, readings: Iterable[KeyReading]) -> Owner:
    """The same patient, with the identifiers that the Patient resource gives."""
    for reading in readings:
        for resource in reading.resources:
            if resource["resourceType"] == "Patient" and resource.get("id") == owner.patient_id:
                return replace(owner, identifiers=identifiers_of(resource))
    return owner


def _has_patient(settled: GatherResultBuilder) -> bool:
    return any(resource["resourceType"] == "Patient" for resource in settled.resources)


def _unavailable(settled: GatherResultBuilder, key: str) -> PatientUnavailable:
    """Why a key is unavailable: the last that was tried, and what had been sent."""
    reason = next(note.code for note in reversed(settled.notes) if note.key == key)
    arrived = settled.arrivals[key].sent
    return PatientUnavailable(key, reason, "" if arrived == NOT_SENT else arrived)


async def _add_medications(client: FhirClient, settled: GatherResultBuilder) -> None:
    found, notes = await fetch_medications(client, medication_links(settled.resources))
    for medication in found:
        settled.add(medication)
    settled.note("Medication", notes)


def _gathered(settled: GatherResultBuilder, version: str | None) -> GatherResult:
    return GatherResult(
        resources=tuple(settled.resources),
        states=settled.states,
        notes=tuple(settled.notes),
        fhir_version=version,
        arrivals=settled.arrivals,
    )
