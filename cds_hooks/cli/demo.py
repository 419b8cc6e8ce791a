"""`chartside demo`: an EHR opens a chart, and this shows what it would show.

Everything is real: the service runs in a process of its own with the embedded model, and what its
cards say was generated while the demo ran. Only the EHR and its patient are made up.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.cards import LISTED
from cds_hooks.cds_client.requests import hook_request
from cds_hooks.cds_client.sample_patients import DEMO, sample_patients
from cds_hooks.cli import show
from cds_hooks.cli.demo_report import Played, tell, tell_failure
from cds_hooks.cli.demo_service import DemoLog, DemoService, started
from cds_hooks.cli.outcomes import NotAnswered, not_answered
from cds_hooks.cli.patience import Patience, descendants_seconds
from cds_hooks.consultation import Consultation
from cds_hooks.errors import ChartsideError

__all__ = ["demo"]

SERVICE = "chartside-patient-view"
_LOOK_S = 0.5
_HTTP_S = 300.0
_TELL_EVERY_S = 15.0


def demo(
    wait: Annotated[
        float, typer.Option(min=0, help="Most seconds to wait; 0: while the engine works.")
    ] = 0.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep records and log, also when all went well.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A GGUF file instead of the set one."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print requests and answers.")] = False,
) -> None:
    """Start the service, open a synthetic patient's chart, and show the cards that come back.

    Exit code 1: there is no differential; the code, the engine's last words and the end of the log
    say why, and the log is kept.
    """
    console = show.screen(json=json)
    # Made for its owner alone, as `tempfile` promises.
    folder, played = Path(tempfile.mkdtemp(prefix="chartside-demo-")), Played()
    log = DemoLog(folder / "service.log")
    kept = True
    try:
        _play(folder, console, wait, played, model)
        kept = keep
    except NotAnswered as error:
        error.hint = f"{error.hint} The log is kept at {log.path}.".strip()
        tell_failure(console, played, log, error, json=json)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        kept = keep
        raise
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
    tell(console, played, json=json)
    if keep:
        console.print(f"Records and log are kept in {folder}.", markup=False, soft_wrap=True)


def _play(
    folder: Path, console: Console, wait: float, played: Played, model: Path | None = None
) -> None:
    """Everything between the start of the service and its end. Raises NotAnswered."""
    with started(folder, model) as service:
        pid = service.process.pid
        patience = Patience(wait, lambda: descendants_seconds(pid, and_own=True))
        try:
            _until_ready(service, console, patience, played)
            # From here on the service's own work is to answer us.
            patience.watch(lambda: descendants_seconds(pid))
            ended = _open_the_chart(service, console, patience, played)
        finally:
            played.engine, played.rung = service.engine, service.rung
        cause = service.cause
    played.done = _recorded(folder, ended)
    if played.done is None:
        raise NotAnswered("no-record", "no consultation is on record", where=SERVICE)
    if (why := not_answered(played.done)) is not None:
        raise not_answered(played.done, cause(why.code)) or why


@contextlib.contextmanager
def _waiting(console: Console, what: str, patience: Patience) -> Iterator[Callable[[], None]]:
    """A function that waits a moment and shows for how long; it raises when the wait is over."""
    told = 0.0
    with console.status(what) as status:

        def wait_on() -> None:
            nonlocal told
            patience.require(what)
            status.update(f"{what}: {patience.told()}")
            if not console.is_terminal and patience.waited_s - told > _TELL_EVERY_S:
                told = patience.waited_s
                console.print(f"{what}: {patience.told()}")
            time.sleep(_LOOK_S)

        yield wait_on


def _open_the_chart(
    service: DemoService, console: Console, patience: Patience, played: Played
) -> str:
    """Read discovery, open the chart, and open it again until the differential is there.

    Gives the id of a consultation that ended without one, or nothing.
    """
    with _client(service) as client:
        request = _request(service, client)
        played.first = played.last = _fire(service, client, request, played)
        ended = ""
        with _waiting(console, "the model reads the chart", patience) as wait_on:
            while not (_has_differential(played.last) or ended):
                service.ready()
                wait_on()
                # Looked at before the chart is opened again, whose card then tells of it.
                ended = service.log.ended()
                played.last = _fire(service, client, request, played)
        return "" if _has_differential(played.last) else ended


def _until_ready(
    service: DemoService, console: Console, patience: Patience, played: Played
) -> None:
    """Wait for the model. Raises NotAnswered, and then shows the card that an EHR would get."""
    try:
        with _waiting(console, "the service starts and loads its model", patience) as wait_on:
            while not service.ready():
                wait_on()
    except NotAnswered:
        _open_without_a_model(service, played)
        raise


def _open_without_a_model(service: DemoService, played: Played) -> None:
    """Open the chart once for the card that an EHR shows then, if the service answers at all."""
    with contextlib.suppress(NotAnswered), _client(service) as client:
        played.first = played.last = _fire(service, client, _request(service, client), played)


def _client(service: DemoService) -> httpx.Client:
    return httpx.Client(base_url=service.log.address(), timeout=_HTTP_S, trust_env=False)


def _request(service: DemoService, client: httpx.Client) -> dict[str, Any]:
    """The hook's call, with what discovery asks to be prefetched."""
    sample = sample_patients()[DEMO]
    return hook_request(
        "patient-view",
        _prefetch(service, client),
        sample.resources(datetime.now(UTC)),
        patient_id=sample.patient,
        encounter_id=sample.encounter,
    )


def _prefetch(service: DemoService, client: httpx.Client) -> dict[str, str]:
    """The templates of the service, as an EHR reads them."""
    offered = _json(service, client, "GET", "/cds-services")["services"]
    [patient_view] = [entry for entry in offered if entry["id"] == SERVICE]
    prefetch: dict[str, str] = patient_view["prefetch"]
    return prefetch


def _fire(
    service: DemoService, client: httpx.Client, request: dict[str, Any], played: Played
) -> dict[str, Any]:
    began = time.monotonic()
    answer = _json(service, client, "POST", f"/cds-services/{SERVICE}", json=request)
    played.took.append(time.monotonic() - began)
    return answer


def _json(
    service: DemoService, client: httpx.Client, method: str, path: str, **options: Any
) -> dict[str, Any]:
    """What the service answers. Raises NotAnswered when it does not."""
    try:
        answer = client.request(method, path, **options)
    except httpx.HTTPError as error:
        service.require_alive()
        message = f"the service does not answer ({type(error).__name__})"
        raise NotAnswered("service-silent", message, where=path) from None
    if answer.status_code != httpx.codes.OK:
        message = f"the service answered {answer.status_code}"
        raise NotAnswered("service-refused", message, where=path)
    document: dict[str, Any] = answer.json()
    return document


def _has_differential(response: dict[str, Any]) -> bool:
    labels = [card["source"].get("label", "") for card in response["cards"]]
    return any(LISTED in label for label in labels)


def _recorded(folder: Path, consultation_id: str) -> Consultation | None:
    """What the service recorded, read from its store after it has stopped: a consultation by its
    id, without one the last answer."""
    import asyncio

    async def read() -> Consultation | None:
        key = SiteKey.load(folder / "site.key")
        store = Store(StoreConfig(folder / "records.sqlite"), key)
        await store.open()
        try:
            if consultation_id:
                return await store.get(consultation_id)
            return await store.last_for_patient(
                key.patient_key(sample_patients()[DEMO].patient), SERVICE
            )
        finally:
            await store.close()

    try:
        return asyncio.run(read())
    except ChartsideError as error:
        raise NotAnswered(error.code, error.message, where=error.where, hint=error.hint) from None
