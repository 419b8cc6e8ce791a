"""The FHIR server that keeps copies of signed checkpoints: its client, and the copying."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import httpx

from cds_hooks.audit import Store
from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.epochs import RESTORED, Epochs
from cds_hooks.audit.ledger.fhir_witness import FhirWitness
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.errors import ChartsideError
from cds_hooks.gather.fhir_client import open_http
from cds_hooks.gather.fhir_settings import GatherConfig
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.operation import get_logger
from cds_hooks.prewarm import BackendClient, SigningKey, TokenSource
from cds_hooks.runtime.egress import locked_transport, of_service
from cds_hooks.settings import Settings
from cds_hooks.tls_client import client_context
from cds_hooks.trust.egress.destinations import AllowList
from cds_hooks.trust.egress.lock import EgressLock
from cds_hooks.trust.egress.transport import LockedTransport

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["FhirCopies", "fhir_notes", "opened_witness"]

_SCOPE = "system/DocumentReference.crs"
_AT_ONCE = 50
_LOOK_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_FIRST_LOOK_S = 5.0
_AT_THE_END_S = 3.0


class FhirCopies:
    """Copies what is signed to the FHIR server of the settings, in a task that nobody waits for.

    What it has not taken stays in the store and is copied later, also after a restart. `trouble`
    is the code of what keeps copies from being made. Raises KeyUnusable.
    """

    def __init__(
        self, settings: Settings, store: Store, keys: Sequence[CheckpointVerifier]
    ) -> None:
        self._settings = settings
        self._store = store
        self._keys = tuple(keys)
        self._log = get_logger()
        self._signed, self._begun = asyncio.Event(), asyncio.Event()
        self._asked = False
        self._copied = -1
        self._known = self._made = self._failed = 0
        self.trouble = ""
        self.newest = ""
        signing_key(settings)  # a key that cannot be used is told at the start

    def signed(self, size: int) -> None:
        """Hear that there is a new checkpoint."""
        self._known = max(self._known, size)
        self._signed.set()

    async def first_look(self) -> None:
        """Wait, once and for some seconds at most, until `newest` is known.

        Who signs asks before: what the server has must be continued.
        """
        if not self._asked:
            self._asked = True
            await _within(_FIRST_LOOK_S, self._begun)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Copy while the block runs; what was signed last gets a moment at the end."""
        async with opened_witness(self._settings, locked_transport()) as witness:
            copying = asyncio.create_task(self._keep(witness), name="witness")
            try:
                yield
            finally:
                copying.cancel()
                await asyncio.wait([copying])
                with contextlib.suppress(ChartsideError, TimeoutError):
                    async with asyncio.timeout(_AT_THE_END_S):
                        await self._catch_up(witness)

    def collect(self) -> Iterator[Any]:
        """For Prometheus: copies that were made and failed, and whether one is missing now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        text = "Copies of checkpoints for the FHIR server."
        copies = CounterMetricFamily("chartside_witness_copies", text, labels=["result"])
        copies.add_metric(["ok"], self._made)
        copies.add_metric(["failed"], self._failed)
        yield copies
        text = "Records whose newest checkpoint the FHIR server has not."
        behind = max(self._known - max(self._copied, 0), 0)
        yield GaugeMetricFamily("chartside_witness_behind_records", text, value=behind)

    def told_in(self, registry: CollectorRegistry) -> None:
        """Be read with the other metrics."""
        registry.register(self)

    async def _keep(self, witness: FhirWitness) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            self._signed.clear()
            try:
                await self._catch_up(witness)
            except StoreUnavailable:  # the ledger itself tells of that
                await asyncio.sleep(_FIRST_PAUSE_S)
            except ChartsideError as error:
                self._tell(error.code)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self._tell("")
                pause = _FIRST_PAUSE_S
                await _within(_LOOK_S, self._signed)

    async def _catch_up(self, witness: FhirWitness) -> None:
        """Everything that is signed and larger than what the server has, in order."""
        if self._copied < 0:
            await self._begin(witness)
        while found := await self._store.ledger.checkpoints_after(self._copied, _AT_ONCE):
            for size, note in found:
                await self._copy(witness, size, note)

    async def _begin(self, witness: FhirWitness) -> None:
        """Where to go on: what nobody signed says nothing of that."""
        signed = {each.order: note for note in await witness.newest() if (each := self._own(note))}
        epoch, size = max(signed, default=(1, 0))
        self.newest = signed.get((epoch, size), "")
        # What a restore gave up is larger than what the present epoch has.
        after = Epochs.of(await self._store.ledger.records_of(RESTORED)).first_after(epoch)
        self._copied = min(size, after.seq) if after else size
        self._begun.set()

    def _own(self, note: str) -> Checkpoint | None:
        """None for a note that is not signed by a key of ours."""
        try:
            return checkpoint.verify(note, *self._keys)
        except CheckpointInvalid:
            return None

    async def _copy(self, witness: FhirWitness, size: int, note: str) -> None:
        try:
            await witness.keep(size, note)
        except ChartsideError:
            self._failed += 1
            raise
        self._made += 1
        self._copied, self.newest = size, note
        self._known = max(self._known, size)

    def _tell(self, code: str) -> None:
        if code and code != self.trouble:
            self._log.error("witness-failed", code=code)
        elif self.trouble and not code:
            self._log.info("witness-caught-up")
        self.trouble = code


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for it and no longer. Not by `wait_for`, which loses a cancellation that comes with it
    (Python 3.11)."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def signing_key(settings: Settings) -> SigningKey | None:
    """The key that a token is asked for with; None where the server wants no token."""
    wanted = settings.witness
    if wanted.key is None:
        return None
    return SigningKey.load(wanted.key, wanted.algorithm, wanted.key_id, setting="witness.key")


@contextlib.asynccontextmanager
async def opened_witness(
    settings: Settings, transport: httpx.AsyncBaseTransport | None
) -> AsyncIterator[FhirWitness]:
    """The FHIR server of the settings, spoken to over `transport` if given."""
    wanted = settings.witness
    base = ServerBase.parse(wanted.fhir_server or "")
    assert base is not None  # noqa: S101 - the settings are checked, and who calls asks first
    bounds = GatherConfig(connect_s=5.0, read_s=30.0)
    async with open_http(bounds, transport=transport) as http:
        key = signing_key(settings)
        tokens = None
        if key is not None:
            client = BackendClient(wanted.client_id, key, _SCOPE, wanted.token_url or "")
            tokens = TokenSource(http, base, client)
        yield FhirWitness(base, settings.ledger.name, http, tokens)


async def fhir_notes(settings: Settings) -> list[str]:
    """All checkpoints that the FHIR server has. Nobody but listed destinations is asked.

    Raises WitnessFailed.
    """
    inner = httpx.AsyncHTTPTransport(verify=client_context(), trust_env=False)
    lock = EgressLock(AllowList(of_service(settings), settings.egress.networks))
    async with opened_witness(settings, LockedTransport(inner, lock)) as witness:
        return [note async for note in witness.notes()]
