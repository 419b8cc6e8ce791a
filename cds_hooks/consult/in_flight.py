"""Work in flight: each question once, in this process and in all that share its store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from cds_hooks.consult.consult_config import ConsultConfig
from cds_hooks.consult.dependencies import Dependencies
from cds_hooks.consult.pipeline import infer_and_check
from cds_hooks.consultation import CheckedConsultation, Outcome, PreparedConsultation
from cds_hooks.errors import ChartsideError
from cds_hooks.inference.engine import Priority, QueueFull, RisingPriority
from cds_hooks.services.switched_off import ServiceSwitchedOff

__all__ = ["InFlightWork"]

# A process that dies holds its claim for this long; one that lives extends it three times as often.
_LEASE_S = 15.0
_LOOK_S = 0.1

# A question that failed stays among the work for so long, and whoever asks it again gets the same
# outcome: every hook of an open chart would set a model to work for nothing. What failed for a
# reason that may pass stays for a moment only.
_KEPT_AFTER_FAILURE_S = {
    Outcome.INVALID_OUTPUT: 60.0,
    Outcome.PROMPT_TOO_LONG: 60.0,
    Outcome.ENGINE_FAILED: 2.0,
}


class InFlightWork:
    """The questions that are being answered. `owner` names this process to the others."""

    def __init__(self, dependencies: Dependencies, config: ConsultConfig) -> None:
        self._dependencies = dependencies
        self._config = config
        self._owner = dependencies.new_id()
        self._running: dict[str, asyncio.Task[CheckedConsultation]] = {}
        self._asked_by: dict[str, set[str]] = {}
        self._rising: dict[str, RisingPriority] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._running and not self._running[key].done()

    def __len__(self) -> int:
        return sum(not task.done() for task in self._running.values())

    def start(
        self, prepared: PreparedConsultation, priority: Priority = Priority.OPEN_CHART
    ) -> asyncio.Task[CheckedConsultation]:
        """The work on this question: what is in flight already, or new under an id of its own.

        Its own, because the hook that asked may leave with a record that says "not yet". What is
        in flight already has from now on at least the priority of whoever joins it.
        """
        self._asked_by.setdefault(prepared.key, set()).add(prepared.service)
        task = self._running.get(prepared.key)
        if task is None:
            work = replace(prepared, id=self._dependencies.new_id())
            rising = self._rising[prepared.key] = RisingPriority(priority)
            task = asyncio.create_task(self._once(work, rising), name=f"consultation {work.id}")
            self._running[prepared.key] = task
            task.add_done_callback(lambda done: self._ended(work, done))
        elif (known := self._rising.get(prepared.key)) is not None:
            known.rise(priority)
        return task

    def stop_switched_off(self) -> None:
        """Cancel the work that only services that are off asked for."""
        for key, services in self._asked_by.items():
            if key in self and all(map(self._is_off, services)):
                self._running[key].cancel()

    def _is_off(self, service_id: str) -> bool:
        try:
            self._dependencies.require_on(service_id)
        except ServiceSwitchedOff:
            return True
        return False

    async def shed(self, prepared: PreparedConsultation) -> CheckedConsultation:
        """The consultation without a model's answer, on record and counted: too much is asked."""
        detail = f"{QueueFull.code}: nearly as many calls are open as there may be"
        done = CheckedConsultation.of(
            prepared, outcome=Outcome.OVERLOADED, outcome_detail=detail, fault=QueueFull.code
        )
        return await self._record(done)

    async def close(self) -> None:
        """Cancel what is in flight and wait until it has ended."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(
        self, prepared: PreparedConsultation, task: asyncio.Task[CheckedConsultation]
    ) -> None:
        """Forget the work, or keep its failure for a while. An error reaches the log also where no
        hook was waiting."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._dependencies.failed(prepared, error)
        self._rising.pop(prepared.key, None)
        failed = task.cancelled() or error is not None
        kept_s = 0.0 if failed else _KEPT_AFTER_FAILURE_S.get(task.result().outcome, 0.0)
        if kept_s:
            task.get_loop().call_later(kept_s, self._forget, prepared.key)
        else:
            self._forget(prepared.key)

    def _forget(self, key: str) -> None:
        self._running.pop(key, None)
        self._asked_by.pop(key, None)

    async def _once(
        self, prepared: PreparedConsultation, rising: RisingPriority
    ) -> CheckedConsultation:
        """Do the work, or wait for the process that does it."""
        oldest = prepared.created - self._config.services.fresh_for_s
        ends = asyncio.get_running_loop().time() + self._config.services.deadline_s
        while not await self._claim(prepared.key):
            if asyncio.get_running_loop().time() > ends:
                return await self._record(
                    CheckedConsultation.of(prepared, outcome=Outcome.DEADLINE)
                )
            await asyncio.sleep(_LOOK_S)
            found = await self._dependencies.store.find_by_key(prepared.key, not_older_than=oldest)
            if found is not None:
                return found
        async with self._claimed(prepared.key):
            # Whoever had the claim before may have finished between two looks.
            found = await self._dependencies.store.find_by_key(prepared.key, not_older_than=oldest)
            if found is not None:
                return found
            done = await infer_and_check(self._dependencies, self._config, prepared, rising)
            return await self._record(done)

    async def _record(self, done: CheckedConsultation) -> CheckedConsultation:
        await self._dependencies.store.save_consultation(done)
        self._dependencies.observe(done)
        return done

    async def _claim(self, key: str) -> bool:
        return await self._dependencies.store.claim(key, self._owner, lease_s=_LEASE_S)

    @contextlib.asynccontextmanager
    async def _claimed(self, key: str) -> AsyncIterator[None]:
        """Keep a claim while the block runs, and let it go behind it."""
        keeping = asyncio.create_task(self._keep(key))
        try:
            yield
        finally:
            keeping.cancel()
            with contextlib.suppress(ChartsideError):  # then it runs out
                await asyncio.shield(self._dependencies.store.release(key, self._owner))

    async def _keep(self, key: str) -> None:
        while True:
            await asyncio.sleep(_LEASE_S / 3)
            with contextlib.suppress(ChartsideError):  # the next round tries again
                await self._claim(key)
