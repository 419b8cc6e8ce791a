"""The service verifies its own ledger: new records at the start and daily, all of them weekly.

A few milliseconds at a time with a rest between, so that neither hooks nor the writing of records
wait. What it finds is in `/readyz`, in the metrics and once in the log: the first bad record's
number and what is wrong with it, never what it says.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cds_hooks.audit import Store
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.ledger_settings import LedgerSettings
from cds_hooks.audit.ledger.stored_ledger import DATABASE_DAMAGED, damaged_file
from cds_hooks.audit.ledger.verification import VerificationFailure
from cds_hooks.audit.verification_store import VerificationState
from cds_hooks.errors import ChartsideError
from cds_hooks.operation import Metrics, get_logger
from cds_hooks.runtime.ledger import Ledger
from cds_hooks.settings import Settings

__all__ = ["SelfVerification", "self_verification"]

# After each slice it rests for so many times as long as that took, and at least for a moment.
_REST, _LEAST_REST_S = 4.0, 0.01
_SAVE_EVERY_S = 10.0
_LOOK_S = 60.0
_FAILED = "verification-failed"


def self_verification(
    settings: Settings,
    store: Store,
    ledger: Ledger,
    metrics: Metrics,
) -> SelfVerification:
    """The self-verification of a service, which is read with its other metrics."""
    made = SelfVerification(settings.ledger, store, ledger.keys)
    metrics.registry.register(made)
    return made


class SelfVerification:
    """`trouble` says what is wrong with the ledger; empty as long as nothing was found."""

    def __init__(
        self,
        config: LedgerSettings,
        store: Store,
        keys: Sequence[CheckpointVerifier],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._store = store.ledger.verification
        self._keys = tuple(keys)
        self._clock = clock
        self._log = get_logger()
        self._state = VerificationState()
        self._saved = 0.0
        self._failure: VerificationFailure | None = None
        self._verified = 0

    @property
    def trouble(self) -> str:
        if self._failure is None:
            return ""
        if self._failure.code == DATABASE_DAMAGED:
            return f"ledger-damaged: {DATABASE_DAMAGED}"
        return f"ledger-damaged: record {self._failure.seq} ({self._failure.code})"

    @property
    def keeps_from_ready(self) -> str:
        """The trouble, where the settings say that the service is then not ready."""
        return self.trouble if self._config.when_damaged == "not-ready" else ""

    @property
    def told(self) -> str:
        """For `/readyz`: what was found, or how long ago all was well."""
        if self._failure is not None:
            return self.trouble
        if not self._state.at:
            return "not verified yet"
        new, all_ = self._age(self._state.at), self._age(self._state.all_at)
        return f"ok: {self._verified} records, the new {new:.0f} s ago, all {all_:.0f} s ago"

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Verify while the block runs."""
        verifying = asyncio.create_task(self.run(), name="ledger-verification")
        try:
            yield
        finally:
            verifying.cancel()
            await asyncio.wait([verifying])

    async def run(self) -> None:
        """Verify until cancelled."""
        await self._begin()
        while True:
            await self._verify()
            due = self._state.at + self._config.verify_every_s
            due = min(due, self._state.all_at + self._config.verify_all_every_s)
            wait = _LOOK_S if self._failure else due - self._clock()
            await asyncio.sleep(min(max(wait, 1.0), _LOOK_S))

    def collect(self) -> Iterator[Any]:
        """For Prometheus: how old what was found is, and whether it is damage."""
        from prometheus_client.core import GaugeMetricFamily

        text = "Seconds since the service found its ledger whole: `new` records, or `all`."
        ages = GaugeMetricFamily("chartside_ledger_verified_age_seconds", text, labels=["records"])
        for name, at in (("new", self._state.at), ("all", self._state.all_at)):
            if at:
                ages.add_metric([name], self._age(at))
        yield ages
        text = "1 when the service found its ledger damaged."
        yield GaugeMetricFamily("chartside_ledger_damaged", text, value=bool(self._failure))

    async def _begin(self) -> None:
        """Read how far an earlier process was, as soon as the store can be read."""
        while True:
            try:
                self._state = await self._store.state()
                self._verified = self._state.size
            except ChartsideError as error:  # /readyz tells of the store
                self._unreadable(error)
                await asyncio.sleep(1.0)
            else:
                return

    async def _verify(self) -> None:
        """Whatever is due; what could not be read now is tried again."""
        try:
            self._tell(await self._run())
        except ChartsideError as error:  # /readyz tells of the store
            self._unreadable(error)
        except Exception as error:  # what cannot be verified is not told as whole
            self._tell(VerificationFailure(self._verified, _FAILED, type(error).__name__))

    def _unreadable(self, error: ChartsideError) -> None:
        if getattr(error, "reason", "") == "corrupt":
            self._tell(damaged_file(self._verified))

    def _tell(self, failure: VerificationFailure | None) -> None:
        if failure is not None and failure != self._failure:
            self._log.error("ledger-damaged", code=failure.code, record=failure.seq)
        self._failure = failure

    async def _run(self) -> VerificationFailure | None:
        now, state = self._clock(), self._state
        if not state.all_since and now - state.all_at >= self._config.verify_all_every_s:
            state = replace(state, size=0, all_since=now)
        self._state = state
        failure = await self._records()
        if failure is None and state.all_since:
            failure = await self._consultations()
        if failure is None and now - state.database_at >= self._config.verify_every_s:
            failure = await self._database()
        if failure is not None:
            return failure
        now = self._clock()
        all_at = now if state.all_since else state.all_at
        await self._save(replace(self._state, at=now, all_at=all_at, all_since=0.0))
        return None

    async def _records(self) -> VerificationFailure | None:
        """All records from the last signed checkpoint that was verified on."""
        prefix = await self._store.resume(self._state.size, self._keys)
        while True:
            began = time.monotonic()
            found = await self._store.advance(prefix, self._keys)
            prefix = found.prefix
            if found.failure is not None:
                return found.failure
            self._state = replace(self._state, size=prefix.covered)
            self._verified = prefix.size
            if found.is_last:
                return None
            if time.monotonic() - self._saved > _SAVE_EVERY_S:
                await self._save(self._state)
            await _rest(began)

    async def _consultations(self) -> VerificationFailure | None:
        last = ""
        while True:
            began = time.monotonic()
            last, failure = await self._store.check_consultations(last)
            if failure is not None or not last:
                return failure or await self._store.missing_data_key()
            await _rest(began)

    async def _database(self) -> VerificationFailure | None:
        failure = await self._store.database_damage(self._verified)
        if failure is None:
            self._state = replace(self._state, database_at=self._clock())
        return failure

    async def _save(self, state: VerificationState) -> None:
        await self._store.save(state)
        self._state, self._saved = state, time.monotonic()

    def _age(self, at: float) -> float:
        return max(self._clock() - at, 0.0)


async def _rest(began: float) -> None:
    await asyncio.sleep(max(_LEAST_REST_S, _REST * (time.monotonic() - began)))
