"""A FHIR server as witness: each signed checkpoint is a DocumentReference with the note in it.

A DocumentReference and not an AuditEvent or a Binary: a Binary cannot be searched, an AuditEvent of
R4 has no identifier to search by, and many servers let nobody write one. A reviewer finds every
checkpoint of a ledger by `identifier`, which servers of every version support.

The server is not trusted: what it stored is read back and compared, and a note that it returns
counts only by its signature.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import orjson

from cds_hooks.audit.ledger.checkpoint import epoch_of
from cds_hooks.audit.ledger.ledger_errors import WitnessDiffers, WitnessFailed, WitnessRefused
from cds_hooks.errors import ChartsideError
from cds_hooks.gather.fhir_client import FhirClient, ReadError
from cds_hooks.gather.fhir_settings import GatherConfig
from cds_hooks.gather.result import NoteCode
from cds_hooks.gather.server_base import ServerBase

__all__ = ["CHECKPOINT", "LEDGER", "FhirWitness", "Tokens", "document", "notes_of"]

LEDGER = "urn:chartside:ledger"
"""The identifier system that all checkpoints of a ledger share; the value is its name."""
CHECKPOINT = "urn:chartside:checkpoint"
"""The identifier system of one checkpoint; the value is the ledger's name, `/`, the size. From the
second epoch on `epoch-N/` comes before the size."""

_CONFIG = GatherConfig(read_s=30.0, max_total_bytes=2**40)
_PAGE = 200
_NEWEST = 20
_MAX_PAGES = 100_000
_MAX_NOTE_BYTES = 16 * 1024
_REFUSED = (401, 403)
_PLACE = re.compile(r"/DocumentReference/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?/?")
_SPECIAL = re.compile(r"([\\|,$])")


class Tokens(Protocol):
    """Where a token for the server comes from."""

    async def token(self) -> str:
        """A bearer token. Raises ChartsideError."""
        ...

    def forget(self, token: str) -> None:
        """The server refused this token."""
        ...


@dataclass(frozen=True, slots=True)
class FhirWitness:
    """Checkpoints of the ledger called `origin` on the server at `base`.

    `within_s` bounds each exchange. Every method raises WitnessFailed.
    """

    base: ServerBase
    origin: str
    http: httpx.AsyncClient
    tokens: Tokens | None = None
    within_s: float = 10.0

    async def keep(self, size: int, note: str) -> None:
        """Store a checkpoint unless it is there, and check that the server returns it."""
        wanted = orjson.dumps(document(self.origin, size, note))
        identifier = _query(CHECKPOINT, _value(self.origin, size, note))
        # A note under this identifier may be somebody else's: ours is then stored beside it.
        for unless in (identifier, ""):
            place = await self._create(wanted, unless)
            found = await self._read(place or f"DocumentReference?{identifier}")
            if note in notes_of(found, self.origin):
                return
        raise WitnessDiffers(
            "the FHIR server returns another checkpoint than it was given",
            where=f"size {size}",
            hint="Look at it there, by identifier; somebody or something changes what is stored.",
        )

    async def newest(self) -> list[str]:
        """The checkpoints that were stored last, in no order."""
        ledger = _query(LEDGER, self.origin)
        found = await self._read(f"DocumentReference?{ledger}&_sort=-date&_count={_NEWEST}")
        return list(notes_of(found, self.origin))

    async def notes(self) -> AsyncIterator[str]:
        """All checkpoints, in no order."""
        link = f"DocumentReference?{_query(LEDGER, self.origin)}&_count={_PAGE}"
        for _ in range(_MAX_PAGES):
            found = await self._read(link)
            for note in notes_of(found, self.origin):
                yield note
            link = _next(found)
            if not link:
                return
        raise WitnessFailed("the FHIR server's list of checkpoints has no end", where="link")

    async def _create(self, body: bytes, unless: str) -> str:
        """Where it was stored, relative to the base; empty when the server does not say."""
        status, location = await self._post(body, unless)
        if status in (200, 412):  # there is one already, or several
            return ""
        if status not in (201, 202, 204):
            refused = WitnessRefused if status in _REFUSED else WitnessFailed
            hint = "It has to take DocumentReference: create, read and search by identifier."
            raise refused(f"the FHIR server answers {status}", where="witness", hint=hint)
        # Only the id: a server behind a proxy may use another address for itself.
        match = _PLACE.search(location)
        return f"DocumentReference/{match[1]}" if match else ""

    async def _post(self, body: bytes, unless: str) -> tuple[int, str]:
        headers = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"}
        if unless:
            headers["If-None-Exist"] = unless
        status, location = 0, ""
        for _ in range(2):
            token = await self._token()
            status, location = await self._exchange(body, headers | _bearer(token))
            if status != 401 or self.tokens is None:
                break
            self.tokens.forget(token)
        return status, location

    async def _exchange(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        url = f"{self.base}/DocumentReference"
        try:
            async with (
                asyncio.timeout(self.within_s),
                self.http.stream("POST", url, content=body, headers=headers) as response,
            ):
                return response.status_code, response.headers.get("location", "")
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL):
            failed = WitnessFailed("the FHIR server cannot be reached", where="witness")
        raise failed

    async def _read(self, link: str) -> dict[str, Any]:
        """One resource or Bundle under the base; once more with a fresh token."""
        code = NoteCode.UNAUTHORIZED
        for _ in range(2):
            token = await self._token()
            ends = asyncio.get_running_loop().time() + self.within_s
            client = FhirClient(self.http, self.base, token or None, _CONFIG, ends)
            try:
                return await client.read(link)
            except ReadError as error:
                code = error.code
            if code is not NoteCode.UNAUTHORIZED or self.tokens is None:
                break
            self.tokens.forget(token)
        refused = code in (NoteCode.UNAUTHORIZED, NoteCode.FORBIDDEN)
        kind = WitnessRefused if refused else WitnessFailed
        raise kind(
            f"checkpoints cannot be read from the FHIR server ({code.value})", where="witness"
        )

    async def _token(self) -> str:
        if self.tokens is None:
            return ""
        try:
            return await self.tokens.token()
        except ChartsideError as error:
            code = error.code
        raise WitnessRefused(f"there is no token for the FHIR server ({code})", where="witness")


def document(origin: str, size: int, note: str) -> dict[str, Any]:
    """A DocumentReference (R4, R4B, R5) with a note in it. It is about no patient."""
    line = next((line for line in note.split("\n") if line.startswith("recorded ")), "")
    date = {"date": line.removeprefix("recorded ")} if line else {}
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "identifier": [
            {"system": CHECKPOINT, "value": _value(origin, size, note)},
            {"system": LEDGER, "value": origin},
        ],
        "type": {"text": "Signed checkpoint of an audit ledger"},
        **date,
        "description": f"The ledger {origin} with its first {size} records",
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "data": base64.b64encode(note.encode()).decode(),
                }
            }
        ],
    }


def notes_of(found: Mapping[str, Any], origin: str = "") -> Iterator[str]:
    """The notes in a DocumentReference or a Bundle of them, of one ledger or of any.

    One that cannot be read is an empty text, which no key signed: verification reports it.
    """
    for resource in _resources(found):
        if resource.get("resourceType") == "DocumentReference" and _is_of(resource, origin):
            yield _note(resource)


def _resources(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if found.get("resourceType") != "Bundle":
        yield found
        return
    for entry in _list(found, "entry"):
        if isinstance(resource := entry.get("resource"), dict):
            yield resource


def _is_of(resource: Mapping[str, Any], origin: str) -> bool:
    """Whether a resource says that it is a checkpoint (of this ledger)."""
    identifiers = [
        (each.get("system"), each.get("value")) for each in _list(resource, "identifier")
    ]
    if origin:
        return (LEDGER, origin) in identifiers
    return any(system == LEDGER for system, _ in identifiers)


def _note(resource: Mapping[str, Any]) -> str:
    for content in _list(resource, "content"):
        attachment = content.get("attachment")
        data = attachment.get("data") if isinstance(attachment, dict) else None
        if isinstance(data, str) and len(data) <= 2 * _MAX_NOTE_BYTES:
            try:
                return base64.b64decode(data, validate=True).decode()
            except (binascii.Error, ValueError):
                return ""
    return ""


def _next(bundle: Mapping[str, Any]) -> str:
    for link in _list(bundle, "link"):
        if link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""


def _list(of: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = of.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _value(origin: str, size: int, note: str) -> str:
    epoch = epoch_of(note)
    return f"{origin}/epoch-{epoch}/{size}" if epoch > 1 else f"{origin}/{size}"


def _query(system: str, value: str) -> str:
    """A search by identifier; what separates values in a search is escaped (FHIR R4, 3.1.1.4.0)."""
    escaped = _SPECIAL.sub(r"\\\1", value)
    return str(httpx.QueryParams({"identifier": f"{system}|{escaped}"}))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
