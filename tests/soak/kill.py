"""`python -m tests.soak.kill`: SIGKILL to the service, its engine or both, round after round, under
load. No card may have reached a client whose record is missing; the ledger must verify and the
store open every time. Figures also go to `build/kill.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from rich.console import Console

from cds_hooks.audit import SiteKey
from cds_hooks.audit.ledger import checkpoint_storage, storage
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner
from cds_hooks.audit.ledger.verification import (
    LedgerVerifier,
    VerificationReport,
    verify_checkpoints,
)
from cds_hooks.audit.ledger.witness import FolderWitness
from cds_hooks.audit.store_config import StoreConfig, open_database
from tests.end_to_end.conftest import Running, running_service
from tests.soak.overload import charts

__all__ = ["Outcome", "kill_rounds"]

OUTPUT = Path("build/kill.json")
TARGETS = ("service", "engine", "both")
CLIENTS = 4
_LONGEST_START_S = 30
SETTINGS = """
[services]
answer_within_s = 0.4
[ledger]
every_s = 0.5
witness_folder = "{witness}"
"""


@dataclass
class Outcome:
    """What became of all rounds. `missing` are cards that were received and are not recorded."""

    rounds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    cards: int = 0
    records: int = 0
    checkpoints: int = 0
    missing: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return bool(self.cards) and not self.missing and not self.broken


def kill_rounds(folder: Path, count: int, dice: random.Random, say: Any = print) -> Outcome:
    """So many rounds on one store in this folder."""
    outcome, received = Outcome(), set[str]()
    witness = folder / "witness"
    witness.mkdir(exist_ok=True)
    body = charts()
    for number in range(count):
        target = TARGETS[number % len(TARGETS)]
        try:
            with running_service(folder, SETTINGS.format(witness=witness)) as service:
                asyncio.run(_round(service, target, dice, body, number, received, outcome))
        except pytest.fail.Exception:  # a machine so busy that nothing was listening in its time
            target = "not started in time"
        _check(folder, witness, received, outcome)
        outcome.rounds[target] += 1
        say(f"{number + 1}/{count} {target}: {outcome.cards} cards, {outcome.records} records")
    return outcome


async def _round(
    service: Running,
    target: str,
    dice: random.Random,
    body: Any,
    number: int,
    received: set[str],
    outcome: Outcome,
) -> None:
    begun = outcome.cards
    stop = asyncio.Event()
    async with httpx.AsyncClient(base_url=service.address, timeout=10) as client:
        firing = [
            asyncio.create_task(
                _fire(client, body, 1000 * number + 100 * each, stop, received, outcome)
            )
            for each in range(CLIENTS)
        ]
        ends = time.monotonic() + _LONGEST_START_S
        while outcome.cards == begun and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await asyncio.sleep(dice.uniform(0, 1))
        _kill(service, target)
        if target == "engine":  # the service goes on answering
            await asyncio.sleep(0.5)
            service.process.kill()
        stop.set()
        await asyncio.gather(*firing)


async def _fire(
    client: httpx.AsyncClient,
    body: Any,
    first: int,
    stop: asyncio.Event,
    received: set[str],
    outcome: Outcome,
) -> None:
    """Open charts until the end; every second one twice, so that some answers are on record."""
    number = 0
    while not stop.is_set():
        path = "/cds-services/chartside-patient-view"
        try:
            sent = body(first + number // 2)
            answer = await client.post(path, content=sent, headers=_JSON)
        except httpx.HTTPError:
            outcome.answers["none"] += 1
            await asyncio.sleep(0.05)
        else:
            outcome.answers[str(answer.status_code)] += 1
            with contextlib.suppress(json.JSONDecodeError):
                cards = answer.json().get("cards", ())
                received.update(card["uuid"] for card in cards)
                outcome.cards += len(cards)
        number += 1


_JSON = {"content-type": "application/json"}


def _kill(service: Running, target: str) -> None:
    """SIGKILL by process id: of the service, of its children, or of both."""
    ours = psutil.Process(service.process.pid)
    children = ours.children(recursive=True)
    if target != "engine":
        ours.kill()
    if target != "service":
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def _check(folder: Path, witness: Path, received: set[str], outcome: Outcome) -> None:
    """Open the store as the next start does; verify, and look for each card that was received."""
    key = SiteKey.load(folder / "site.key")
    place = open_database(StoreConfig(folder / "records.sqlite"), key, time.time)
    try:
        with place.write() as connection:
            storage.head(connection, lock=True)
        with place.read() as connection:
            report, recorded = _read(connection, folder, witness)
    finally:
        place.close()
    outcome.records, outcome.checkpoints = report.records, report.checkpoints
    if report.failure is not None and report.failure.code != "unsigned":
        outcome.broken.append(f"{report.failure.seq}: {report.failure.code}")
    outcome.missing += sorted(received - recorded - set(outcome.missing))


def _read(connection: Any, folder: Path, witness: Path) -> tuple[VerificationReport, set[str]]:
    public = CheckpointSigner.load(folder / "ledger.key", "chartside").public
    notes = [*checkpoint_storage.notes(connection), *FolderWitness(witness).notes()]
    verifier = LedgerVerifier(*verify_checkpoints(notes, [public]))
    recorded: set[str] = set()
    for row in storage.records(connection):
        verifier.add(bytes(row.record))
        cards = json.loads(row.record).get("cards", ())
        recorded.update(card["uuid"] for card in cards)
    return verifier.report(), recorded


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        dice = random.Random(options.seed)
        outcome = kill_rounds(Path(folder), options.rounds, dice, console.print)
    figures = {
        "rounds": dict(outcome.rounds),
        "answers": dict(outcome.answers),
        "cards received": outcome.cards,
        "cards received without a record": len(outcome.missing),
        "records": outcome.records,
        "checkpoints": outcome.checkpoints,
        "times the ledger did not verify": len(outcome.broken),
    }
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
