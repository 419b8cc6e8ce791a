"""Gathering with the site's connections and bounds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx

from cds_hooks.gather import GatherConfig, GatherResult, VersionCache, gather, open_http
from cds_hooks.protocol.request import HookRequest
from cds_hooks.runtime.callers import Callers
from cds_hooks.services import ServiceDefinition

__all__ = ["Gathering"]

_CONTEXT = ("patientId", "userId", "encounterId")


class Gathering:
    """Reads what a hook did not bring; `callers` know the bounds of each client."""

    def __init__(self, config: GatherConfig, callers: Callers) -> None:
        self._config = config
        self._callers = callers
        self._versions = VersionCache()
        self._pool: httpx.AsyncClient | None = None

    @contextlib.asynccontextmanager
    async def opened(self, transport: httpx.AsyncBaseTransport | None) -> AsyncIterator[None]:
        """FHIR servers can be asked meanwhile."""
        async with open_http(self._config, transport=transport) as self._pool:
            yield

    async def __call__(
        self, service: ServiceDefinition, request: HookRequest, *, deadline_s: float
    ) -> GatherResult:
        """The chart's resources for a hook, from its prefetch and its FHIR server."""
        context, authorization = request.context, request.fhir_authorization
        ids = (context.patient_id, context.user_id, context.encounter_id)
        return await gather(
            request.prefetch,
            service.prefetch,
            dict(zip(_CONTEXT, ids, strict=True)),
            fhir_server=request.fhir_server or None,
            access_token=authorization.access_token if authorization else None,
            pool=self._pool,
            versions=self._versions,
            config=self._callers.bounds(request.caller, self._config),
            deadline_s=deadline_s,
        )
