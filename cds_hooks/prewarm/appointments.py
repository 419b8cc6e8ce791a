"""Who comes on a day: the FHIR server's Appointments, read page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cds_hooks.errors import ChartsideError
from cds_hooks.gather.fhir_client import FhirClient, ReadError
from cds_hooks.gather.key_reading import KeyReading
from cds_hooks.gather.prefetch_values import read_value
from cds_hooks.gather.result import NoteCode, Resource
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm.patients import Item, patient_id_of

__all__ = ["STATUSES", "Schedule", "ScheduleUnavailable", "patients_on"]

STATUSES = ("pending", "booked", "arrived", "checked-in")
"""Of FHIR R4's appointmentstatus: the visits that are still to come or have just begun."""

_COUNT = 100


class ScheduleUnavailable(ChartsideError):
    """The day's appointments cannot be had."""

    code = "prewarm-schedule-unavailable"
    status = 502


@dataclass(frozen=True, slots=True)
class Schedule:
    """The day's patients, each once, those with the earliest appointment first.

    `passed_over` counts appointments by why they name no patient to read; `cut` says why the
    list is not whole, if it is not.
    """

    items: tuple[Item, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict)
    cut: str = ""


async def patients_on(client: FhirClient, day: date) -> Schedule:
    """The patients with an appointment on a day. Raises ScheduleUnavailable."""
    until = day + timedelta(days=1)
    query = f"Appointment?date=ge{day}&date=lt{until}&status={','.join(STATUSES)}&_count={_COUNT}"
    first, code = await _page(client, query)
    if first is None:
        raise ScheduleUnavailable(
            f"the appointments cannot be read ({code})",
            where="Appointment",
            hint="Check that the client may search Appointment, or give a list (--patients).",
        )
    reading, cut = await _pages(client, first)
    return _schedule(reading.resources, day, client.base, cut)


async def _pages(client: FhirClient, first: KeyReading) -> tuple[KeyReading, str]:
    """All pages as one, and why the rest is missing."""
    reading, seen = first, set[str]()
    while (link := reading.next_url) is not None:
        if link in seen:
            return reading, NoteCode.LINK_REPEATS.value
        if len(seen) + 1 >= client.config.max_pages:
            return reading, NoteCode.PAGE_LIMIT.value
        seen.add(link)
        page, code = await _page(client, link)
        if page is None:
            return reading, code
        joined = reading.resources + page.resources
        reading = replace(reading, resources=joined, next_url=page.next_url)
    return reading, ""


async def _page(client: FhirClient, link: str) -> tuple[KeyReading | None, str]:
    try:
        reading = read_value(await client.read(link), "Appointment")
    except ReadError as error:
        return None, error.code.value
    if not reading.obtained:
        return None, next((code.value for code in reading.notes), "unreadable")
    return reading, ""


def _schedule(resources: tuple[Resource, ...], day: date, base: ServerBase, cut: str) -> Schedule:
    """Servers are not trusted to have understood the query: status and day are looked at again."""
    passed: Counter[str] = Counter()
    coming: list[tuple[float, str]] = []
    for resource in resources:
        if resource["resourceType"] != "Appointment":
            continue
        start = _start(resource.get("start"))
        reason = _reason(resource, start, day)
        found = [] if reason else list(_patients(resource, base))
        if reason or not found:
            passed[reason or "no-patient"] += 1
        coming += [(start.timestamp() if start else 0.0, patient_id) for patient_id in found]
    unique = dict.fromkeys(patient_id for _, patient_id in sorted(coming))
    items = tuple(Item(f"patient {n}", patient_id) for n, patient_id in enumerate(unique, 1))
    return Schedule(items, dict(passed), cut)


def _reason(resource: Resource, start: datetime | None, day: date) -> str:
    """Why an appointment is none of the day's, if so."""
    if resource.get("status") not in STATUSES:
        return "other-status"
    # The day as the server's clock tells it, or as this machine's does.
    if start is None or day not in (start.date(), start.astimezone().date()):
        return "other-day"
    return ""


def _start(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _patients(resource: Resource, base: ServerBase) -> Iterator[str]:
    """The ids of the patients who take part, by reference on this server."""
    participants = resource.get("participant")
    for participant in participants if isinstance(participants, list) else []:
        if not isinstance(participant, dict) or participant.get("status") == "declined":
            continue
        actor = participant.get("actor")
        reference = actor.get("reference") if isinstance(actor, dict) else None
        if isinstance(reference, str) and (patient_id := _own_patient(reference, base)):
            yield patient_id


def _own_patient(reference: str, base: ServerBase) -> str:
    """`Patient/x`, relative or under the server's base; empty for any other reference."""
    local = reference.removeprefix(f"{base}/").partition("/_history/")[0]
    return patient_id_of(local) if local.startswith("Patient/") else ""
