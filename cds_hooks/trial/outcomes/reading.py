"""A patient's Encounters and Conditions from a FHIR server, whole or with what is missing.

One patient who is gone or closed to us is told as such. What keeps every patient from being read
(the server away, credentials refused) is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from cds_hooks.errors import ChartsideError
from cds_hooks.gather import GatherConfig, NoteCode
from cds_hooks.gather.fhir_client import FhirClient, ReadError
from cds_hooks.gather.prefetch_values import read_value
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.trial.outcomes.rules import OutcomeRules
from cds_hooks.trial.outcomes.sightings import unread_references
from fhir_mapping.elements.json_values import object_of, objects, string
from fhir_mapping.input.patient_reference import one_patient_referred_to

__all__ = [
    "AccessTokens",
    "FixedToken",
    "OutcomeReader",
    "PatientNotRead",
    "PatientRecord",
    "ServerNotRead",
]

Resource = dict[str, Any]

_COUNT = 100
_MOST_LINKS = 3
_PATIENT_WITHIN_S = 1800.0
_LOST = {
    NoteCode.NOT_FOUND: "patient-not-found",
    NoteCode.GONE: "patient-gone",
    NoteCode.FORBIDDEN: "patient-forbidden",
}
# These would meet the next patient too.
_OF_ALL = frozenset(
    {NoteCode.UNAUTHORIZED, NoteCode.UNREACHABLE, NoteCode.UNTRUSTED, NoteCode.REDIRECTED,
     NoteCode.RATE_LIMITED}
)  # fmt: skip
_HINTS = {
    NoteCode.UNAUTHORIZED: "Check trial_outcomes.client_id, its key and its scope at the server.",
    NoteCode.RATE_LIMITED: "Run the command again later, or lower trial_outcomes.reads_per_minute.",
}


class ServerNotRead(ChartsideError):
    """The FHIR server answers no read; `where` is the kind of resource that was asked for."""

    code = "outcomes-server-not-read"
    status = 502


class PatientNotRead(ChartsideError):
    """One patient's record could not be read just now; `reason` is the note's code."""

    code = "outcomes-patient-not-read"
    status = 502

    def __init__(self, reason: NoteCode, where: str) -> None:
        hint = "Run the command again: it goes on with those that are left."
        super().__init__(f"a patient's record cannot be read ({reason.value})", where=where,
                         hint=hint)  # fmt: skip
        self.reason = reason.value


class AccessTokens(Protocol):
    """Where bearer tokens come from."""

    async def token(self) -> str:
        """One that is good for a while; empty for an open server."""
        ...

    def forget(self, token: str) -> None:
        """It was refused: the next call asks for another."""
        ...


@dataclass(frozen=True, slots=True)
class FixedToken:
    """One bearer token that somebody else renews; empty for an open server."""

    bearer: str = field(default="", repr=False)

    async def token(self) -> str:
        """That token."""
        return self.bearer

    def forget(self, token: str) -> None:
        """There is no other."""


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """What was read. `state` is "read", "partial" (`missing` says what is not there, as
    "Encounter:forbidden"), or
    why there is nothing ("patient-gone"). `ids` are all that the patient has, `merged`: one was
    replaced by another."""

    state: str
    ids: frozenset[str] = field(default=frozenset(), repr=False)
    resources: tuple[Resource, ...] = field(default=(), repr=False)
    missing: tuple[str, ...] = ()

    @property
    def merged(self) -> bool:
        return len(self.ids) > 1


class OutcomeReader:
    """Reads under one base. `config` bounds pages, references and bytes for one patient."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        base: ServerBase,
        tokens: AccessTokens,
        config: GatherConfig,
        rules: OutcomeRules,
    ) -> None:
        self._http = http
        self._base = base
        self._tokens = tokens
        self._config = config
        self._rules = rules

    async def read(self, patient_id: str, since: float) -> PatientRecord:
        """A patient's Conditions, and the Encounters that were not over long before `since` (UTC
        seconds). Raises ServerNotRead, PatientNotRead, and what the token source raises."""
        ids, why_not = await self._ids(patient_id)
        if why_not:
            return PatientRecord(why_not)
        days = timedelta(days=self._rules.encounter.begun_days_before)
        begun = (datetime.fromtimestamp(since, UTC) - days).date().isoformat()
        found: list[Resource] = []
        missing: list[str] = []
        for id_ in ids:
            of = f"patient={quote(id_, safe='')}&_count={_COUNT}"
            replaced = id_ != ids[-1]
            for query in (f"Condition?{of}", f"Encounter?{of}&date=ge{begun}"):
                some, cut = await self._all_pages(query)
                found += some
                missing += [] if replaced and not some else cut
        more, cut = await self._referred_to(found)
        found += more
        missing += cut
        state = "partial" if missing else "read"
        return PatientRecord(state, frozenset(ids), tuple(found), tuple(dict.fromkeys(missing)))

    async def _ids(self, patient_id: str) -> tuple[list[str], str]:
        """All ids of a patient, the present one last; or why there is none."""
        ids = [patient_id]
        while len(ids) <= _MOST_LINKS:
            try:
                patient = await self._get(f"Patient/{quote(ids[-1], safe='')}", "Patient")
            except ReadError as error:
                return [], _LOST.get(error.code) or _raise(error.code, "Patient")
            if patient.get("resourceType") != "Patient":
                _raise(NoteCode.NOT_A_RESOURCE, "Patient")
            successor = _replaced_by(patient)
            if not successor or successor in ids:
                return ids, ""
            ids.append(successor)
        return [], "patient-merged-too-often"

    async def _all_pages(self, query: str) -> tuple[list[Resource], list[str]]:
        """The resources of a search, and the codes of what is missing of them."""
        kind = query.partition("?")[0]
        found: list[Resource] = []
        link, seen = query, set[str]()
        while link:
            if link in seen or len(seen) >= self._config.max_pages:
                code = NoteCode.LINK_REPEATS if link in seen else NoteCode.PAGE_LIMIT
                return found, [f"{kind}:{code.value}"]
            seen.add(link)
            try:
                page = read_value(await self._get(link, kind), kind)
            except ReadError as error:
                if error.code in _LOST or error.code is NoteCode.LINK_REFUSED:
                    return found, [f"{kind}:{error.code.value}"]
                _raise(error.code, kind)
            if not page.obtained:
                return found, [f"{kind}:{next((c.value for c in page.notes), 'unreadable')}"]
            found += [each for each in page.resources if each.get("resourceType") == kind]
            link = page.next_url or ""
        return found, []

    async def _referred_to(self, found: list[Resource]) -> tuple[list[Resource], list[str]]:
        """Conditions that encounters refer to and the search did not give, and the codes of what is
        missing of them: one that is closed to us may be an outcome, one that is gone is none."""
        wanted, most = unread_references(found, self._rules), self._config.max_references
        read: list[Resource] = []
        missing = [] if len(wanted) <= most else [f"Condition:{NoteCode.REFERENCE_LIMIT.value}"]
        for reference in wanted[:most]:
            try:
                read.append(await self._get(reference, "Condition"))
            except ReadError as error:
                if error.code not in _LOST:
                    _raise(error.code, "Condition")
                if error.code is NoteCode.FORBIDDEN:
                    missing.append(f"Condition:{error.code.value}")
        return read, missing

    async def _get(self, link: str, kind: str) -> Resource:
        """One read, with a new token if the one there was is no longer taken. Raises ReadError,
        ServerNotRead."""
        for last in (False, True):
            token = await self._tokens.token()
            ends = asyncio.get_running_loop().time() + _PATIENT_WITHIN_S
            client = FhirClient(self._http, self._base, token or None, self._config, ends)
            try:
                return await client.read(link)
            except ReadError as error:
                if error.code is NoteCode.UNAUTHORIZED and not last:
                    self._tokens.forget(token)
                    continue
                if error.code in _OF_ALL:
                    hint = _HINTS.get(error.code, "Run the command again when it can be reached.")
                    message = f"the FHIR server cannot be read ({error.code.value})"
                    raise ServerNotRead(message, where=kind, hint=hint) from None
                raise
        raise AssertionError("the second try returns or raises")


def _raise(code: NoteCode, kind: str) -> str:
    raise PatientNotRead(code, kind) from None


def _replaced_by(patient: Resource) -> str:
    """The id of the patient that this one was merged into (Patient.link, R4 and STU3)."""
    return next(_successors(patient), "")


def _successors(patient: Resource) -> Iterator[str]:
    for link in objects(patient.get("link")):
        if string(link.get("type")) == "replaced-by":
            yield from one_patient_referred_to([{"subject": object_of(link.get("other"))}])
