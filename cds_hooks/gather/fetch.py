"""Read one prefetch key from the FHIR server, page by page, and what its resources refer to."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cds_hooks.gather.fhir_client import FhirClient, ReadError
from cds_hooks.gather.fhir_settings import GatherConfig
from cds_hooks.gather.key_reading import KeyReading
from cds_hooks.gather.ownership import Owner, Ownership
from cds_hooks.gather.prefetch_queries import PrefetchQuery
from cds_hooks.gather.prefetch_values import read_value
from cds_hooks.gather.result import NoteCode, Resource

__all__ = ["fetch_key", "fetch_medications", "follow_pages", "medication_links"]

_MEDICATION = re.compile(r"(?:.*/)?(Medication/[A-Za-z0-9\-._]{1,64})(?:/_history/.*)?")


async def fetch_key(
    client: FhirClient, template: PrefetchQuery, url: str, sent: KeyReading, owner: Owner
) -> KeyReading:
    """What the server has for a key that the client left out or sent an error for.

    What the client sent (`sent`) stays, with a note, when the server gives nothing better.
    """
    try:
        value = await client.read(url)
    except ReadError as error:
        return sent.noting(error.code)
    first = read_value(value, template.resource_type, template.head)
    if not first.obtained:
        return sent.noting(*first.notes)
    return await follow_pages(client, template, replace(first, fetched=True), owner)


async def follow_pages(
    client: FhirClient, template: PrefetchQuery, first: KeyReading, owner: Owner
) -> KeyReading:
    """The pages after a first one, up to the bounds, and none after one of other patients.

    A page that cannot be had leaves the reading as it is, with a note: partial.
    """
    reading, seen = first, set[str]()
    while reading.obtained and reading.next_url is not None:
        link = reading.next_url
        if code := _stop(reading, seen, client.config, owner):
            return reading.noting(code)
        seen.add(link)
        try:
            value = await client.read(link)
        except ReadError as error:
            return reading.noting(error.code)
        page = read_value(value, template.resource_type)
        if not page.obtained:
            return reading.noting(*page.notes)
        reading = reading.joined(page)
    return reading


def _stop(
    reading: KeyReading, seen: set[str], config: GatherConfig, owner: Owner
) -> NoteCode | None:
    """Why the next page shall not be read, if so."""
    if reading.next_url in seen:
        return NoteCode.LINK_REPEATS
    if len(seen) + 1 >= config.max_pages:
        return NoteCode.PAGE_LIMIT
    if len(reading.resources) >= config.max_resources:
        return NoteCode.RESOURCE_LIMIT
    # The server ignored the patient in the query: its other pages are none of our business.
    if any(owner.judge(resource) is Ownership.OTHER for resource in reading.resources):
        return NoteCode.OTHER_PATIENT
    # Read, it would be seen with the EHR's token, whatever was shown of it.
    if reading.next_url is not None and owner.is_other(reading.next_url):
        return NoteCode.OTHER_PATIENT
    return None


def medication_links(resources: Iterable[Resource]) -> Iterator[str]:
    """`Medication/id` as referred to from orders and statements and not among the resources.

    R4 and STU3 have `medicationReference`, R5 `medication.reference`.
    """
    listed = list(resources)
    known = {f"Medication/{r.get('id')}" for r in listed if r["resourceType"] == "Medication"}
    for resource in listed:
        reference = resource.get("medicationReference")
        codeable = resource.get("medication")
        if isinstance(codeable, dict):
            reference = codeable.get("reference", reference)
        text = reference.get("reference") if isinstance(reference, dict) else None
        match = _MEDICATION.fullmatch(text) if isinstance(text, str) else None
        if match and match[1] not in known:
            known.add(match[1])
            yield text if text and "://" in text else match[1]


async def fetch_medications(
    client: FhirClient, links: Iterable[str]
) -> tuple[list[Resource], Counter[NoteCode]]:
    """The Medications that can be had, and codes for those that cannot."""
    wanted = list(links)
    notes: Counter[NoteCode] = Counter()
    limit = client.config.max_references
    if left := len(wanted[limit:]):
        notes[NoteCode.REFERENCE_LIMIT] = left
    found: list[Resource] = []
    for answer in await asyncio.gather(*(_medication(client, link) for link in wanted[:limit])):
        if isinstance(answer, NoteCode):
            notes[answer] += 1
        else:
            found.append(answer)
    return found, notes


async def _medication(client: FhirClient, link: str) -> Resource | NoteCode:
    try:
        reading = read_value(await client.read(link), "Medication")
    except ReadError as error:
        return error.code
    if not reading.obtained or len(reading.resources) != 1:
        return next(iter(reading.notes), NoteCode.NOT_A_RESOURCE)
    [medication] = reading.resources
    named = str(medication.get("id"))
    return medication if f"Medication/{named}" in link else NoteCode.WRONG_TYPE
