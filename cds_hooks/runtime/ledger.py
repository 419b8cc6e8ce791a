"""The ledger of a running service: what it began with, and checkpoints signed and copied away."""

from __future__ import annotations

import asyncio
import contextlib
import time
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
from cds_hooks.runtime.witnessing import FhirCopies
from cds_hooks.settings import Settings

__all__ = ["Ledger", "signing_key", "witnesses"]

_LOOK_S = 0.5
# What is compared with the last start, and the record that a difference makes.
_WATCHED = {
    "version": "version-changed",
    "settings_sha256": "settings-changed",
    "model_sha256": "model-changed",
    "template_sha256": "template-changed",
    "signing_key": "key-changed",
    "site_key": "key-changed",
}

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
    `trouble` is the code of what keeps checkpoints from being made; empty when nothing does.
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
        self._forked = self._uncopied = ""
        self._more: tuple[Record, ...] = ()
        named = settings.witness.fhir_server is not None
        self.fhir = FhirCopies(settings, store, self._keys) if named else None

    @property
    def trouble(self) -> str:
        return self._forked or self._uncopied or (self.fhir.trouble if self.fhir else "")

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
        self._more = tuple(more)
        async with self.fhir.kept() if self.fhir else contextlib.nullcontext():
            keeping_on = asyncio.create_task(self._keep(facts, events), name="ledger")
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
        earlier = await asyncio.to_thread(self._witnessed)
        if self.fhir is not None:
            await self.fhir.first_look()
            earlier += (self.fhir.newest,)
        now = format_utc(time.time())
        try:
            found = await self._store.ledger.next_checkpoint(
                self._config.name, now, self._keys, earlier
            )
        except LedgerForked as error:
            self._forked = error.code
            self._log.error("ledger-forked", code=error.code)
            raise
        self._forked, self._last = "", time.monotonic()
        if found is not None:
            note = checkpoint.sign(found, self._key)
            await self._store.ledger.save_checkpoint(found.size, note)
            self._not_copied[found.size] = note
            self._signed = found.size
            if self.fhir is not None:
                self.fhir.signed(found.size)
        await asyncio.to_thread(self._copy)

    async def _keep(self, facts: Facts, events: Events) -> None:
        started = False
        while True:
            with contextlib.suppress(ChartsideError):  # /readyz tells; the next round tries again
                if not started:
                    await self._record_start(facts())
                    started = True
                await self._record_events(events())
                if self._is_due():
                    await self._recorded_changes(facts())
                    await self.sign()
            await asyncio.sleep(_LOOK_S)

    def _is_due(self) -> bool:
        new = self._size - self._signed
        waited = time.monotonic() - self._last >= self._config.every_s
        return bool(self._not_copied) or new >= self._config.every_records or (new > 0 and waited)

    async def _record_start(self, facts: Mapping[str, str]) -> None:
        await self._recorded_changes(facts)
        await self._store.record_event("service-started", **_running(facts, self._key_id))
        for record in self._more:
            await record(self._store)
        await self.sign()

    async def _record_events(self, events: Sequence[EngineEvent]) -> None:
        """Those that are not recorded yet, each with what the engine stands on."""
        for event in events:
            if event.number > self._recorded:
                await self._store.record_event(event.type, **event.fields)
                self._recorded = event.number

    async def _recorded_changes(self, facts: Mapping[str, str]) -> None:
        """A record for each digest that differs from the last that was recorded."""
        now = {**facts, "signing_key": self.public_key, "site_key": self._key_id}
        last = await self._store.ledger.last_record("running")
        before = orjson.loads(last).get("details", {}) if last else {}
        known = {name: now.get(name, "") for name in _WATCHED if now.get(name)}
        for name, value in known.items():
            if before and before.get(name) not in (None, value):
                told = {"what": name, "before": before[name], "now": value}
                await self._store.record_event(_WATCHED[name], **told)
        if {**before, **known} != before:
            await self._store.record_event("running", **{**before, **known})

    def _witnessed(self) -> tuple[str, ...]:
        folders = (each for each in self._witnesses if isinstance(each, FolderWitness))
        try:
            return tuple(folder.newest() for folder in folders)
        except WitnessFailed as error:
            self._uncopied = error.code
            return ()

    def _copy(self) -> None:
        try:
            for size, note in sorted(self._not_copied.items()):
                for witness in self._witnesses:
                    witness.keep(size, note)
                del self._not_copied[size]
            self._uncopied = ""
        except WitnessFailed as error:
            if self._uncopied != error.code:
                self._log.error("witness-failed", code=error.code)
            self._uncopied = error.code


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
