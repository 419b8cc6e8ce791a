"""Which services are off now, as the store says: read four times a second by every process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from cds_hooks.audit import Store, StoreUnavailable
from cds_hooks.audit.switches import ALL_SERVICES, SwitchChange, SwitchedOff
from cds_hooks.consult.recorded_call import call_of
from cds_hooks.errors import ChartsideError
from cds_hooks.operation import get_logger
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services import ServiceDefinition
from cds_hooks.services.switched_off import ServiceSwitchedOff

__all__ = ["ServiceSwitches"]

_EVERY_S = 0.25
# A state that could not be read for longer is told: it may be another by now.
_OLD_S = 5.0


class ServiceSwitches:
    """What is off; told in the metrics of `registry`. A process that cannot read the store keeps
    what it knows, and says so. `changed` is called after each change."""

    def __init__(
        self, store: Store, services: Iterable[ServiceDefinition], registry: CollectorRegistry
    ) -> None:
        self._store = store
        self._ids = tuple(service.id for service in services)
        self.changed: Callable[[], None] = lambda: None
        self._off: Mapping[str, SwitchedOff] | None = None
        self._read = 0.0
        self._fault: ChartsideError | None = None
        self._log = get_logger()
        registry.register(self)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Read before the block, and on while it runs."""
        await self._try_to_read()
        reading = asyncio.create_task(self._keep(), name="switches")
        try:
            yield
        finally:
            reading.cancel()

    async def read(self) -> None:
        """Read the state now. Raises StoreUnavailable, StoreRefused."""
        found = {each.scope: each for each in await self._store.switches.switched_off()}
        self._read, self._fault = time.monotonic(), None
        if found == self._off:
            return
        before = self.hidden()
        self._off = found
        for service_id in sorted(self.hidden() ^ before):
            if self.is_off(service_id):
                self._log.warning("service-switched-off", service=service_id)
            else:
                self._log.warning("service-switched-on", service=service_id)
        self.changed()

    async def switched_off(self) -> tuple[SwitchedOff, ...]:
        """Everything that is off, read now. Raises StoreUnavailable."""
        await self.read()
        return tuple((self._off or {}).values())

    async def change(self, change: SwitchChange) -> bool:
        """Make a change, durably with its record; False when it was so already.

        Raises StoreUnavailable.
        """
        made = await self._store.switches.change(change)
        await self.read()
        return made

    @property
    def trouble(self) -> str:
        """Why the state may be an old one; empty when it is not."""
        if self._off is None:
            return "not read yet"
        if taken := sorted(each.scope for each in self._off.values() if each.taken_out):
            return f"taken out of the store, and off by the ledger: {', '.join(taken)}"
        age = time.monotonic() - self._read
        return f"not read for {age:.0f} s; the last known state holds" if age > _OLD_S else ""

    def of(self, service_id: str) -> SwitchedOff | None:
        """The switch that keeps a service off; None while it is on."""
        known = self._off or {}
        return known.get(ALL_SERVICES) or known.get(service_id)

    def is_off(self, service_id: str) -> bool:
        """Whether a service is off, as far as is known."""
        return self.of(service_id) is not None

    def hidden(self) -> frozenset[str]:
        """The ids of the offered services that are off."""
        return frozenset(each for each in self._ids if self.of(each))

    def checks(self) -> dict[str, str]:
        """For /readyz: which services are off, which is nothing wrong with this process."""
        off = sorted(self.hidden())
        return {"services": f"switched off: {', '.join(off)}" if off else "ok"}

    def require_on(self, service_id: str) -> None:
        """Raise ServiceSwitchedOff for a service that is off, StoreUnavailable while it is not
        known."""
        if self._off is None:
            raise self._fault or StoreUnavailable("timeout")
        if found := self.of(service_id):
            raise ServiceSwitchedOff(service_id, found.event_id)

    @contextlib.asynccontextmanager
    async def answering(
        self, service: ServiceDefinition, request: HookRequest
    ) -> AsyncIterator[None]:
        """Answer a hook within the block, unless its service is off or is switched off meanwhile:
        then it is recorded that nobody was shown anything, and why.

        Raises ServiceSwitchedOff, StoreUnavailable.
        """
        try:
            self.require_on(service.id)
            yield
        except ServiceSwitchedOff as off:
            await self._store.switches.not_answered(service.id, off.event, call_of(request))
            raise

    def collect(self) -> Iterable[Any]:
        """One gauge a service: 1 while it is switched off."""
        family = GaugeMetricFamily(
            "chartside_service_switched_off", "1 while a service is switched off.",
            labels=("service",),
        )  # fmt: skip
        for service_id in self._ids:
            family.add_metric((service_id,), 1.0 if self.of(service_id) else 0.0)
        yield family

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await self._try_to_read()

    async def _try_to_read(self) -> None:
        try:
            await self.read()
        except ChartsideError as error:  # `trouble` tells
            self._fault = error
        except Exception as error:  # whatever it is, the state is looked at again
            self._log.error("switches-not-read", fault=type(error).__name__)
