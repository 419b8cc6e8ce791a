"""Polls whether a model server is up and serves the configured model."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Any

from cds_hooks.inference.remote.http_exchange import ServerConnection
from cds_hooks.inference.remote.server_dialects import DIALECTS, ServerDialect, build_of
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault, fault_error

__all__ = ["HealthWatch", "ReadyServer"]

_log = logging.getLogger(__name__)
_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
_PATIENCE_S = 5.0
_NO_HEALTH_ROUTE = {FaultCode.NOT_FOUND, FaultCode.HTML}
# What does not go away by waiting. It is looked at again all the same: it may be corrected.
_FOR_SOMEONE = frozenset(
    {
        FaultCode.UNTRUSTED,
        FaultCode.KEY_UNUSABLE,
        FaultCode.UNAUTHORIZED,
        FaultCode.FORBIDDEN,
        FaultCode.NOT_FOUND,
        FaultCode.REDIRECTED,
        FaultCode.HTML,
        FaultCode.NOT_HTTP,
        FaultCode.NOT_JSON,
        FaultCode.GARBAGE,
        FaultCode.OTHER_MODEL,
    }
)


@dataclass(frozen=True, slots=True)
class ReadyServer:
    """A server that is up. `dialect` is None for a kind that is not known here."""

    dialect: ServerDialect | None
    build: str = ""


class HealthWatch:
    """`status` is loading, ready, restarting or failed (for someone to correct); `detail` is the
    code of what was found last; `times_away` counts how often a server that was up went away.
    """

    def __init__(self, exchange: ServerConnection, model: str, probe_s: float) -> None:
        self._exchange = exchange
        self._model = model
        self._probe_s = probe_s
        self._settled = asyncio.Event()
        self._look = asyncio.Event()
        self.status = "loading"
        self.detail = ""
        self.times_away = 0
        self.served: ReadyServer | None = None

    async def run(self) -> None:
        """Look until cancelled: while it is up every `probe_s` seconds, sooner while it is not."""
        missed = 0
        while True:
            missed = 0 if await self._glance(missed) else missed + 1
            pause = self._probe_s
            if missed:
                pause = min(pause, _PAUSES_S[min(missed, len(_PAUSES_S)) - 1])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._look.wait()
            self._look.clear()

    async def wait_until_settled(self) -> None:
        """Wait until it is ready or failed."""
        await self._settled.wait()

    def away(self, fault: ServerFault) -> None:
        """A request found it away: nothing more is sent until it was looked at again."""
        self._lost(fault)
        self._look.set()

    async def _glance(self, missed: int) -> bool:
        try:
            served = await self._find_out()
        except ServerFault as fault:
            # A server that is busy may be slow to say how it is: it is given a second chance.
            if fault.fault is not FaultCode.STALLED or missed or self.status != "ready":
                self._lost(fault)
            return False
        self.served = served
        self._become("ready", "")
        return True

    async def _find_out(self) -> ReadyServer:
        """Its health, its models, and the first time also its build. Raises ServerFault."""
        await self._health()
        card = _card(await self._exchange.json("/v1/models", within_s=_PATIENCE_S), self._model)
        if self.served is not None:
            return self.served
        dialect = DIALECTS.get(str(card.get("owned_by")))
        if dialect is None:
            return ReadyServer(None)
        return ReadyServer(dialect, await build_of(self._exchange, dialect, within_s=_PATIENCE_S))

    async def _health(self) -> None:
        """llama-server and vLLM have `/health`; a server without it is judged by its models."""
        try:
            await self._exchange.ask("/health", within_s=_PATIENCE_S)
        except ServerFault as fault:
            if fault.fault not in _NO_HEALTH_ROUTE:
                raise

    def _lost(self, fault: ServerFault) -> None:
        """What it was is forgotten: it may come back as another build, or as another kind."""
        was_up, self.served = self.served is not None, None
        self.times_away += was_up
        if fault.fault in _FOR_SOMEONE:
            self._become("failed", fault.code)
        elif was_up or self.status == "restarting":
            self._become("restarting", fault.code)
        else:
            self._become("loading", fault.code)

    def _become(self, status: str, detail: str) -> None:
        if (status, detail) != (self.status, self.detail):
            _log.log(
                logging.INFO if status == "ready" else logging.WARNING,
                "the model server is %s %s",
                status,
                detail,
            )
        self.status, self.detail = status, detail
        if status in ("ready", "failed"):
            self._settled.set()
        else:
            self._settled.clear()


def _card(listing: dict[str, Any], model: str) -> dict[str, Any]:
    cards = listing.get("data")
    if not isinstance(cards, list):
        raise fault_error(FaultCode.GARBAGE)
    for card in cards:
        if isinstance(card, dict) and card.get("id") == model:
            return card
    raise fault_error(FaultCode.OTHER_MODEL)
