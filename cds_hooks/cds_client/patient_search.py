"""Patients of a FHIR server, by id or name, as a person looks for one to open."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cds_hooks.cds_client.server_chart import ChartNotRead, FhirAccess
from cds_hooks.gather import GatherConfig, NoteCode, open_http
from cds_hooks.gather.fhir_client import FhirClient, ReadError

__all__ = ["FoundPatient", "FoundPatients", "find_patients"]

_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._~-]{1,128}")
_PAGE = 20
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class FoundPatient:
    """One row of a list; what a server does not tell is empty."""

    id: str = field(repr=False)
    name: str = field(repr=False)
    birth_date: str = field(repr=False)
    gender: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundPatients:
    """Patients in the server's order; `more` says that it has further ones."""

    rows: tuple[FoundPatient, ...] = field(repr=False)
    more: bool = False


async def find_patients(
    access: FhirAccess, text: str, transport: Any = None, *, most: int = 60
) -> FoundPatients:
    """Patients with `text` as id or in their name; without text the first ones.

    At most `most`, over as many pages as that takes. Raises ChartNotRead, also when there is none.
    """
    bounds = GatherConfig(
        allowed_bases=(str(access.base),),
        connect_s=min(10.0, access.patience_s),
        read_s=access.patience_s,
    )
    async with open_http(bounds, tls=access.tls, transport=transport) as http:
        ends = asyncio.get_running_loop().time() + 2 * access.patience_s
        client = FhirClient(http, access.base, access.token or None, bounds, ends)
        found = await _found(client, access, text.strip(), most)
    if not found.rows:
        raise ChartNotRead(NoteCode.NOT_FOUND.value, str(access.base))
    return found


async def _found(client: FhirClient, access: FhirAccess, text: str, most: int) -> FoundPatients:
    by_id = await _by_id(client, access, text)
    named = await _by_name(client, access, text, most, needed=by_id is None)
    rows = dict.fromkeys([*([by_id] if by_id else []), *named.rows])
    return FoundPatients(tuple(rows)[:most], named.more or len(rows) > most)


async def _by_id(client: FhirClient, access: FhirAccess, text: str) -> FoundPatient | None:
    """The patient with this id; None where there is none, or the text cannot be an id."""
    if not _ID.fullmatch(bare := text.removeprefix("Patient/")):
        return None
    try:
        return _patient(await client.read(f"Patient/{bare}"))
    except ReadError as error:
        # Servers answer an id that they do not like in many ways; the search tells what is wrong.
        if error.code in (NoteCode.NOT_FOUND, NoteCode.GONE, NoteCode.REQUEST_REFUSED):
            return None
        raise ChartNotRead(error.code.value, str(access.base)) from None


async def _by_name(
    client: FhirClient, access: FhirAccess, text: str, most: int, *, needed: bool
) -> FoundPatients:
    name = f"name={quote(text, safe='')}&" if text else ""
    link, rows, seen = f"Patient?{name}_count={_PAGE}", list[FoundPatient](), set[str]()
    while link and len(rows) < most and link not in seen:
        seen.add(link)
        try:
            page = await client.read(link)
        except ReadError as error:
            if rows or not needed:
                return FoundPatients(tuple(rows), more=True)
            raise ChartNotRead(error.code.value, str(access.base)) from None
        if page.get("resourceType") != "Bundle":
            raise ChartNotRead(NoteCode.NOT_A_RESOURCE.value, str(access.base))
        rows += _patients(page)
        link = _next(page)
    return FoundPatients(tuple(rows[:most]), bool(link) or len(rows) > most)


def _patients(page: Mapping[str, Any]) -> Iterator[FoundPatient]:
    entries = page.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        found = _patient(entry.get("resource") if isinstance(entry, dict) else None)
        if found is not None:
            yield found


def _patient(resource: Any) -> FoundPatient | None:
    if not isinstance(resource, dict) or resource.get("resourceType") != "Patient":
        return None
    found = resource.get("id")
    if not isinstance(found, str) or not _ID.fullmatch(found):
        return None
    birth, gender = (_text(resource.get(name)) for name in ("birthDate", "gender"))
    return FoundPatient(found, _name(resource.get("name")), birth, gender)


def _name(names: Any) -> str:
    """The first name there is, as text or from its parts."""
    for name in names if isinstance(names, list) else ():
        if not isinstance(name, dict):
            continue
        given = name.get("given")
        parts = [*(given if isinstance(given, list) else ()), name.get("family")]
        text = _text(name.get("text")) or " ".join(filter(None, map(_text, parts)))
        if text:
            return text
    return ""


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _next(page: Mapping[str, Any]) -> str:
    links = page.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) else ""
    return ""
