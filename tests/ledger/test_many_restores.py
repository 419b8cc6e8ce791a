"""Restores from many moments of a service that writes: ready again, tokens refused, all told."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from cds_hooks.audit import Store
from cds_hooks.runtime import ledger as ledger_module
from cds_hooks.runtime.callers import Callers
from cds_hooks.runtime.ledger import Ledger
from cds_hooks.settings import Settings
from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused
from tests.ledger.restores import RestoredSite
from tests.ledger.starts import until
from tests.trust.conftest import BASE, PATH, Signer, client_entry

_PROMISED_S = 10.0


@pytest.fixture(autouse=True)
def _in_quick_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_LOOK_S", 0.01)


class Calling:
    """A client of the site, with every token that it ever sent."""

    def __init__(self) -> None:
        self._signer = Signer()
        entry = client_entry(self._signer)
        self._settings = Settings.model_validate({"clients": [entry]})
        self.sent: list[str] = []

    def callers(self, site: RestoredSite, ledger: Ledger, store: Store) -> Callers:
        key, compared = site.key, ledger.compared
        return Callers(self._settings, key, store, base_url=BASE, compared=compared)

    async def call(self, callers: Callers) -> None:
        """Send a token for the first time; after a restore it may be refused for a minute."""
        self.sent.append(f"Bearer {self._signer.sign()}")
        await _answer(callers, self.sent[-1])

    async def replay(self, callers: Callers) -> set[str]:
        return {await _answer(callers, token) for token in self.sent}


async def _answer(callers: Callers, token: str) -> str:
    try:
        await callers._gate.admit([token], f"{BASE}{PATH}")
    except TokenRefused as refused:
        return refused.code
    return "let in"


async def _write(store: Store, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await store.record_event("event")
        await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.long])]
)
async def test_after_each_restore_it_is_ready_and_no_token_of_before_is_good(
    tmp_path: Path, rounds: int
) -> None:
    site, client, dice = RestoredSite(tmp_path), Calling(), random.Random(rounds)
    site.pause_s = 0.0
    await site.run(3)
    copies, took = [site.back_up("0.sqlite")], list[float]()
    for number in range(1, rounds + 1):
        async with site.started() as (ledger, store):
            await client.call(client.callers(site, ledger, store))
            stop = asyncio.Event()
            writing = asyncio.create_task(_write(store, stop))
            await asyncio.sleep(dice.uniform(0, 0.1))
            copies.append(await asyncio.to_thread(site.back_up, f"{number}.sqlite"))
            await asyncio.sleep(dice.uniform(0, 0.1))
            stop.set()
            await writing
        site.restore(dice.choice(copies[-5:]), reason=f"round {number}")
        begun = time.monotonic()
        async with site.started() as (ledger, store):
            await until(lambda: ledger.trouble == "" and ledger._signed > 0)
            took.append(time.monotonic() - begun)
            replayed = await client.replay(client.callers(site, ledger, store))
        assert replayed == {TokenRefusal.BEFORE_RESTORE.value}
    told = site.verified()
    assert told["whole"]
    epochs = [each["epoch"] for each in told["epochs"]]
    assert epochs == sorted(set(epochs))
    assert epochs[-1] == rounds + 1  # none is given twice
    slow = sum(each > _PROMISED_S for each in took)
    print(f"\n{rounds} restores: ready after {max(took):.2f} s at most; {slow} took over 10 s")
