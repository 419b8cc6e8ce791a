"""`Inspector`: what its pages can ask of the service, put together once."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cds_hooks.cds_client.patient_search import FoundPatients, find_patients
from cds_hooks.cds_client.server_chart import ChartNotRead, FhirAccess
from cds_hooks.console.inspector.choosing import (
    from_dropped,
    from_sample,
    from_server,
    require_fireable,
)
from cds_hooks.console.inspector.firing import HookFiring, MakeRequest
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.inspector.inspector_errors import InspectionExpired, ServerNotRead
from cds_hooks.console.inspector.inspector_settings import InspectorSettings
from cds_hooks.console.inspector.keeping import (
    DroppedChart,
    InspectorSession,
    InspectorSessions,
)
from cds_hooks.console.inspector.servers import Transport, listed_server
from cds_hooks.console.inspector.uploads import SentFile, chart_in
from cds_hooks.consult import ConsultConfig, Dependencies
from cds_hooks.inference.engine import Engine
from cds_hooks.protocol.json_body import BodyLimits
from cds_hooks.services import ServiceDefinition

__all__ = ["Inspector"]


@dataclass(frozen=True, slots=True)
class Inspector:
    """Fires hooks for the pages and keeps what became of them.

    `allowed` are FHIR servers that may be read; `transport` has the egress lock in front; `is_term`
    says which words a terminology knows, `silent` which services are so for a trial, if in part.
    """

    settings: InspectorSettings
    services: tuple[ServiceDefinition, ...]
    allowed: Sequence[str]
    engine: Engine
    firing: HookFiring
    sessions: InspectorSessions
    transport: Transport = lambda: None
    is_term: Callable[[str], bool] = lambda _: False
    silent: Callable[[str], bool] = lambda _: False
    now: Callable[[], float] = time.time

    @classmethod
    def over(
        cls,
        dependencies: Dependencies,
        config: ConsultConfig,
        settings: InspectorSettings,
        services: tuple[ServiceDefinition, ...],
        limits: BodyLimits,
        transport: Transport,
    ) -> Inspector:
        """An inspector of the pipeline with these parts."""
        return cls(
            settings,
            services,
            config.fhir.allowed_bases,
            dependencies.engine,
            HookFiring(dependencies, config, limits, settings.at_once),
            InspectorSessions(settings),
            transport,
            lambda words: dependencies.terminology.lookup(words).recognised,
        )

    async def close(self) -> None:
        """End what is open."""
        await self.firing.close()

    def server(self, address: str, token: str) -> FhirAccess:
        """A listed FHIR server. Raises AddressUnusable, AddressNotListed, ChoiceIncomplete."""
        return listed_server(
            address, token, allowed=self.allowed, patience_s=self.settings.server_s
        )

    async def patients(self, access: FhirAccess, text: str) -> FoundPatients:
        """Patients of a server. Raises ServerNotRead."""
        most = self.settings.patients_listed
        try:
            return await find_patients(access, text, self.transport(), most=most)
        except ChartNotRead as error:
            raise ServerNotRead.of(error) from None

    async def drop(self, session: InspectorSession, files: Sequence[SentFile]) -> DroppedChart:
        """Read what was dropped; the session keeps it. Raises ChoiceIncomplete, FileUnusable,
        CaptureUnusable."""
        content = await asyncio.to_thread(chart_in, files)
        size = sum(len(file.content) for file in files)
        noun = "file" if len(files) == 1 else "files"
        words = f"{len(files)} dropped {noun} ({max(1, size // 1024):,} KB)"
        session.dropped = DroppedChart(content, words, size, time.monotonic())
        session.new_list("dropped")
        self.sessions.trim()
        self._forget_in_time()
        return session.dropped

    def fire_sample(
        self, session: InspectorSession, service: ServiceDefinition, name: str
    ) -> Inspected:
        """Fire for a sample patient."""
        require_fireable(service, None)
        make, words = from_sample(service, name)
        return self._fire(session, service, words, make)

    def fire_dropped(
        self, session: InspectorSession, service: ServiceDefinition, patient: str
    ) -> Inspected:
        """Fire for what was dropped. Raises InspectionExpired where it is not kept any more."""
        if session.dropped is None:
            raise InspectionExpired
        content = session.dropped.content
        require_fireable(service, content)
        make = from_dropped(service, content, patient)
        return self._fire(session, service, session.dropped.words, make)

    def fire_server(
        self,
        session: InspectorSession,
        service: ServiceDefinition,
        patient: str,
        *,
        prefetched: bool,
    ) -> Inspected:
        """Fire for a patient of the session's server."""
        if session.server is None:
            raise InspectionExpired
        require_fireable(service, None)
        make = from_server(service, session.server, patient, self.transport, prefetched=prefetched)
        how = "with prefetch" if prefetched else "read by the service"
        return self._fire(session, service, f"{session.server.base}, {how}", make)

    def _fire(
        self, session: InspectorSession, service: ServiceDefinition, words: str, make: MakeRequest
    ) -> Inspected:
        self.firing.require_free()
        inspected = Inspected(str(uuid.uuid4()), service, words, self.now())
        self.sessions.keep(session, inspected)
        task = self.firing.start(inspected, make, subject=session.subject)
        task.add_done_callback(lambda _: self.sessions.trim())  # by now its size is known
        self._forget_in_time()
        return inspected

    def _forget_in_time(self) -> None:
        """Let go of what is kept now when its time is over, though nobody opens a page by then."""
        loop = asyncio.get_running_loop()
        loop.call_later(self.settings.kept_s + 1.0, self.sessions.trim)
