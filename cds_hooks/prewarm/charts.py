"""One patient's chart as an EHR would prefetch it, by the templates of the opened chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from cds_hooks.consultation import KeyState
from cds_hooks.errors import ChartsideError
from cds_hooks.gather import (
    GatherConfig,
    GatherResult,
    NoteCode,
    PatientUnavailable,
    VersionCache,
    gather,
)
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm.access_token import TokenSource

__all__ = ["ChartIncomplete", "ChartReader"]

_PATIENT = "patient"
_CHART_WITHIN_S = 1800.0

# The next hook will probably have what these kept from us, and be another question.
_PASSING = {
    NoteCode.RATE_LIMITED,
    NoteCode.SERVER_ERROR,
    NoteCode.UNREACHABLE,
    NoteCode.UNTRUSTED,
    NoteCode.CONNECTION_LOST,
    NoteCode.TIMEOUT,
    NoteCode.DEADLINE,
    NoteCode.UNAUTHORIZED,
}


class ChartIncomplete(ChartsideError):
    """A part of the chart could not be read just now; `where` is its prefetch key."""

    code = "prewarm-chart-incomplete"
    status = 502


class ChartReader:
    """Reads charts under one base. `templates` are prefetch key to query, `patient` among them."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        base: ServerBase,
        tokens: TokenSource,
        templates: Mapping[str, str],
        config: GatherConfig,
    ) -> None:
        self._http = http
        self._base = str(base)
        self._tokens = tokens
        self._templates = templates
        self._config = config
        self._versions = VersionCache()

    async def read(self, patient_id: str) -> dict[str, Any]:
        """Prefetch key to what an EHR would send under it; a key without an answer is left out.

        Raises PatientUnavailable, ChartIncomplete, TokenRefused.
        """
        patient = await self._patient(patient_id)
        prefetch: dict[str, Any] = {_PATIENT: patient}
        for key in (key for key in self._templates if key != _PATIENT):
            found = await self._gather((_PATIENT, key), {_PATIENT: patient}, patient_id)
            prefetch |= _as_prefetch(key, found)
        return prefetch

    async def _patient(self, patient_id: str) -> dict[str, Any]:
        """The Patient, with a new token if the one there was is no longer taken."""
        token = await self._tokens.token()
        try:
            found = await self._gather((_PATIENT,), {}, patient_id)
        except PatientUnavailable as error:
            if error.reason is not NoteCode.UNAUTHORIZED:
                raise
            self._tokens.forget(token)
            found = await self._gather((_PATIENT,), {}, patient_id)
        return next(r for r in found.resources if r["resourceType"] == "Patient")

    async def _gather(
        self, keys: tuple[str, ...], sent: Mapping[str, Any], patient_id: str
    ) -> GatherResult:
        return await gather(
            sent,
            {key: self._templates[key] for key in keys},
            {"patientId": patient_id},
            fhir_server=self._base,
            access_token=await self._tokens.token(),
            pool=self._http,
            versions=self._versions,
            config=self._config,
            deadline_s=_CHART_WITHIN_S,
        )


def _as_prefetch(key: str, found: GatherResult) -> dict[str, Any]:
    """A searchset of what was found. Raises ChartIncomplete when it would be another tomorrow."""
    for code in found.notes_of(key):
        if code in _PASSING:
            raise ChartIncomplete(f"a part of the chart cannot be had ({code.value})", where=key)
    state = found.states[key]
    if state is KeyState.UNAVAILABLE:
        return {}
    entries = [_entry(r) for r in found.resources if r["resourceType"] != "Patient"]
    matches = sum(entry["search"]["mode"] == "match" for entry in entries)
    # A total above what is there tells the service that there was more.
    total = matches + (state is KeyState.PARTIAL)
    return {key: {"resourceType": "Bundle", "type": "searchset", "total": total, "entry": entries}}


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    mode = "include" if resource["resourceType"] == "Medication" else "match"
    return {"resource": resource, "search": {"mode": mode}}
