"""The ledger of a running service: what it began with, and checkpoints signed and copied away."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import orjson

from cds_hooks.audit import Store
from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.ledger_errors import LedgerForked, WitnessFailed
from cds_hooks.audit.ledger.witness import FolderWitness, SyslogWitness, Witness
from cds_hooks.errors import ChartsideError
from cds_hooks.inference.engine import EngineEvent
from cds_hooks.operation import get_logger
from cds_hooks.runtime.change_records import ChangeRecords
from cds_hooks.runtime.witnessing import FhirCopies
from cds_hooks.settings import Settings

__all__ = ["Ledger", "signing_key", "witnesses"]

_LOOK_S = 0.5
# Pauses after a signing that failed: the first, and the longest.
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0
# How long after the start callers wait for the comparison with the witness, at most.
_COMPARE_S = 10.0

Facts = Callable[[], Mapping[str, str]]
Events = Callable[[], Sequence[EngineEvent]]
Record = Callable[[Store], Awaitable[None]]


def signing_key(settings: Settings) -> CheckpointSigner:
    """The key of checkpoints; the demonstration makes one. Raises SigningKeyRefused."""
    place = settings.ledger.signing_key or settings.store.site_key.with_name("ledger.key")
    return CheckpointSigner.load(place, settings.ledger.name, create=settings.profile == "demo")


def witnesses(settings: Settings) -> tuple[Witness, ...]:
    """Where copies of checkpoints go."""
    ledger = settings.ledger
    folder = (FolderWitness(ledger.witness_folder),) if ledger.witness_folder else ()
    return (*folder, *((SyslogWitness(),) if ledger.witness_syslog else ()))


class Ledger:
    """Signs at an interval, after so many records, and at the end.

    `facts` tells what runs (`version`, digests): what differs from the last start is recorded.
    `trouble` is the code of what keeps the start from being recorded, or checkpoints from being
    made; empty when nothing does.
    Raises SigningKeyRefused when the key cannot be used.
    """

    def __init__(self, settings: Settings, store: Store, key_id: str) -> None:
        self._config = settings.ledger
        self._store = store
        self._key = signing_key(settings)
        earlier = (CheckpointVerifier.parse(line.encode()) for line in self._config.earlier_keys)
        self._keys = (self._key.public, *earlier)
        self._witnesses = witnesses(settings)
        self._key_id = key_id
        self._log = get_logger()
        self._size = self._recorded = 0
        self._signed = 0
        self._last = time.monotonic()
        self._not_copied: dict[int, str] = {}
        self._signing, self._copying = asyncio.Lock(), threading.Lock()
        self._unrecorded = self._unsigned = self._uncopied = ""
        self._begun = self._forgetful = False
        self._compared, self._compare_by = asyncio.Event(), math.inf
        self._pause = self._sign_from = 0.0
        self._changes = ChangeRecords(settings, store)
        named = settings.witness.fhir_server is not None
        self.fhir = FhirCopies(settings, store, self._keys) if named else None

    @property
    def trouble(self) -> str:
        own = self._unrecorded or self._unsigned or self._uncopied
        return own or (self.fhir.trouble if self.fhir else "")

    @property
    def keys(self) -> tuple[CheckpointVerifier, ...]:
        """The keys that its checkpoints may be signed by."""
        return self._keys

    @property
    def public_key(self) -> str:
        """The line that a reviewer verifies with."""
        return self._key.public.line()

    def committed(self, size: int) -> None:
        """Hear of a commit that made the ledger this long; called in the store's thread."""
        self._size = max(self._size, size)

    @contextlib.asynccontextmanager
    async def kept(
        self, facts: Facts, events: Events = tuple, more: Sequence[Record] = ()
    ) -> AsyncIterator[None]:
        """Record the start, sign while the block runs, record the stop and sign it.

        `events` are the engine's so far: each becomes a record once. `more` records something else
        of the start.
        """
        self._compare_by = asyncio.get_running_loop().time() + _COMPARE_S
        async with self.fhir.kept() if self.fhir else contextlib.nullcontext():
            keeping_on = asyncio.create_task(self._keep(facts, events, more), name="ledger")
            try:
                yield
            finally:
                keeping_on.cancel()
                await asyncio.wait([keeping_on])
                with contextlib.suppress(ChartsideError):  # then the next start signs it
                    await self._record_events(events())
                    await self._store.record_event("service-stopped")
                    await self.sign()

    async def sign(self) -> None:
        """Sign what is there and copy it to every witness. Raises LedgerForked, StoreUnavailable.

        A copy that fails is made with the next checkpoint.
        """
        try:
            async with self._signing:
                await self._sign()
        except ChartsideError as error:
            self._tell_unsigned(error)
            if isinstance(error, LedgerForked):
                await self._refuse_earlier_tokens()
            self._compared.set()
            raise
        self._unsigned, self._forgetful = "", False
        self._compared.set()

    async def compared(self) -> None:
        """Return once the ledger was compared with what was signed and witnessed, or could not be
        within some seconds of the start. Until then nobody knows whether the store was put back to
        an earlier state, and forgot tokens that were used."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._compare_by):
                await self._compared.wait()

    async def _refuse_earlier_tokens(self) -> None:
        """Once, when a fork is noticed. Raises StoreUnavailable: the next signing does it then."""
        if not self._forgetful:
            await self._store.tokens.refuse_earlier()
            self._forgetful = True

    async def _sign(self) -> None:
        earlier = await asyncio.to_thread(self._witnessed)
        if self.fhir is not None:
            await self.fhir.first_look()
            earlier += (self.fhir.newest,)
        now = format_utc(time.time())
        found = await self._store.ledger.next_checkpoint(
            self._config.name, now, self._keys, earlier
        )
        self._last = time.monotonic()
        if found is not None:
            note = checkpoint.sign(found, self._key)
            await self._store.ledger.save_checkpoint(found.size, note)
            self._not_copied[found.size] = note
            self._signed = found.size
            if self.fhir is not None:
                self.fhir.signed(found.size)
        await asyncio.to_thread(self._copy)

    def _tell_unsigned(self, error: ChartsideError) -> None:
        code = _code_of(error)
        if code != self._unsigned and isinstance(error, LedgerForked):
            self._log.error("ledger-forked", code=code)
        self._unsigned = code

    async def _keep(self, facts: Facts, events: Events, more: Sequence[Record]) -> None:
        waiting = self._records_of_start(facts, more)
        while True:
            try:
                while waiting:
                    await waiting[0](self._store)
                    waiting.popleft()
                if await self._record_events(events()) or self._is_due():
                    await self._changes.record(self._now(facts))
                self._unrecorded = ""
            except ChartsideError as error:  # /readyz tells; the next round goes on there
                self._unrecorded = _code_of(error)
            else:
                await self._sign_if_due()
            await asyncio.sleep(_LOOK_S)

    async def _sign_if_due(self) -> None:
        """Sign; what fails, or is not copied, is tried again after a pause that grows. Nothing is
        recorded again meanwhile."""
        if not self._is_due() or time.monotonic() < self._sign_from:
            return
        pause = min(2 * self._pause, _LONGEST_PAUSE_S) or _PAUSE_S
        with contextlib.suppress(ChartsideError):  # /readyz tells
            await self.sign()
        failed = self._unsigned or self._not_copied
        self._pause = pause if failed else 0.0
        self._sign_from = time.monotonic() + self._pause
        self._begun = self._begun or not self._unsigned

    def _is_due(self) -> bool:
        new = self._size - self._signed
        waited = time.monotonic() - self._last >= self._config.every_s
        if self._not_copied or self._unsigned or not self._begun:  # a start is signed at once
            return True
        return new >= self._config.every_records or (new > 0 and waited)

    def _records_of_start(self, facts: Facts, more: Sequence[Record]) -> deque[Record]:
        """What is recorded once at the start, in order."""
        event, key_id = str(uuid.uuid4()), self._key_id

        async def changes(_: Store) -> None:
            await self._changes.record(self._now(facts))

        async def started(store: Store) -> None:
            if not await _is_last(store, "service-started", event):
                fields = _running(facts(), key_id)
                await store.record_event("service-started", event_id=event, **fields)

        return deque((changes, started, *more))

    def _now(self, facts: Facts) -> dict[str, str]:
        return {**facts(), "signing_key": self.public_key, "site_key": self._key_id}

    async def _record_events(self, events: Sequence[EngineEvent]) -> bool:
        """Record those that are not yet, each with what the engine stands on; whether any was."""
        before = self._recorded
        for event in events:
            if event.number > self._recorded:
                await self._store.record_event(event.type, **event.fields)
                self._recorded = event.number
        return self._recorded > before

    def _witnessed(self) -> tuple[str, ...]:
        folders = (each for each in self._witnesses if isinstance(each, FolderWitness))
        try:
            return tuple(note for folder in folders for note in folder.newest())
        except WitnessFailed as error:
            self._uncopied = error.code
            return ()

    def _copy(self) -> None:
        # The lock of threads: a signing that is cancelled at the stop leaves its copying behind.
        try:
            with self._copying:
                self._copy_all()
            self._uncopied = ""
        except WitnessFailed as error:
            if self._uncopied != error.code:
                self._log.error("witness-failed", code=error.code)
            self._uncopied = error.code

    def _copy_all(self) -> None:
        for size, note in sorted(self._not_copied.items()):
            for witness in self._witnesses:
                witness.keep(size, note)
            del self._not_copied[size]


def _code_of(error: ChartsideError) -> str:
    return getattr(error, "reason", "") or error.code


async def _is_last(store: Store, type_: str, event_id: str) -> bool:
    """Whether that event is there already: a write that took too long may still have been made."""
    last = await store.ledger.last_record(type_)
    return last is not None and orjson.loads(last).get("event_id") == event_id


def _running(facts: Mapping[str, str], key_id: str) -> dict[str, str]:
    return {
        "config_sha256": facts.get("settings_sha256", ""),
        "template_sha256": facts.get("template_sha256", ""),
        "template_id": facts.get("template", ""),
        "model_id": facts.get("model", ""),
        "gguf_sha256": facts.get("model_sha256", ""),
        "engine": facts.get("engine", ""),
        "profile": facts.get("profile", ""),
        "site_key": key_id,
    }
