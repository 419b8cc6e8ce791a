"""`chartside egress`: what may leave, for a reviewer who wants to see it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.inference.model_files.split_files import engine_path
from cds_hooks.runtime.egress import of_prewarm, of_service, of_trial_outcomes
from cds_hooks.settings import Settings, load_settings
from cds_hooks.trust.egress.destinations import Destination
from cds_hooks.trust.egress.sockets import (
    Socket,
    children,
    is_listened_on,
    listener,
    sockets_of,
)

__all__ = ["egress_app", "tried_ways"]

egress_app = typer.Typer(
    name="egress", help="What may leave this machine.", no_args_is_help=True, add_completion=False
)
_LOCK_TEST = "cds_hooks.runtime.egress_selftest"
_ENGINE_TEST = "cds_hooks.inference.worker.sandbox.selftest"
_PATIENCE_S = 60.0
_AS_ROOT = "Something listens on the service's port and shows its sockets to root alone."


@egress_app.callback()
def _group() -> None:
    """What may leave this machine."""


@egress_app.command("report")
def report(
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    pid: Annotated[
        int | None, typer.Option(help="The running service; found by its port if left out.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print listening sockets, allowed destinations and a self-test of lock and engine.

    The self-test really tries forbidden ways out, in processes that are confined as the service
    and its engine are. Exit code 1 when one was open, or the settings leave the lock off.
    """
    settings = load_settings(config)
    found = _found(settings, config, pid)
    if json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(found)
    if not found["holds"]:
        raise typer.Exit(1)


def tried_ways(
    settings: Settings, config: Path | None
) -> tuple[Mapping[str, Mapping[str, str]], bool]:
    """The self-tests' attempts with their results, and whether everything was refused."""
    lock = _run(_LOCK_TEST, [str(config.resolve())] if config else [], None)
    engine = _engine_test(settings, config)
    tried = {"lock": lock, "engine": engine.get("tried", engine)}
    told = {
        test: {name: str(result) for name, result in results.items()}
        for test, results in tried.items()
    }
    return told, _holds(settings, lock, engine)


def _found(settings: Settings, config: Path | None, pid: int | None) -> dict[str, Any]:
    allowed = of_service(settings)
    process = pid or listener(settings.server.port)
    lock_test = _run(_LOCK_TEST, [str(config.resolve())] if config else [], None)
    engine_test = _engine_test(settings, config)
    return {
        "profile": settings.profile,
        "lock": settings.egress.lock,
        "confine_engine": settings.egress.confine_engine,
        "networks": list(settings.egress.networks),
        "allowed": [_row(item) for item in allowed],
        "allowed_to_prewarm": [_row(item) for item in of_prewarm(settings)],
        "allowed_to_trial_outcomes": [_row(item) for item in of_trial_outcomes(settings)],
        "service": _service(settings, process, allowed),
        "self_test": {"lock": lock_test, "engine": engine_test},
        "holds": _holds(settings, lock_test, engine_test),
    }


def _holds(settings: Settings, lock: Mapping[str, Any], engine: Mapping[str, Any]) -> bool:
    results = [*lock.values()]
    if not settings.model_server.bases:
        results += [*engine.get("tried", {"missing": ""}).values()]
    confined = settings.egress.confine_engine != "off" or bool(settings.model_server.bases)
    refused = all(str(result).startswith("refused") for result in results)
    return settings.egress.lock and confined and refused


def _engine_test(settings: Settings, config: Path | None) -> dict[str, Any]:
    """With a load order as the engine gets, and files beside it that it must not read."""
    model = settings.model
    if settings.model_server.bases or not model.path.is_file():
        return {"not run": "the model is on a server" if settings.model_server.bases else "no file"}
    secrets = [settings.store.site_key, settings.tls.key, settings.prewarm.key, config]
    secrets += [settings.own_calls.key, settings.ledger.signing_key]
    secrets += [settings.key_device.pin_file, settings.key_vault.token_file]
    if "://" not in settings.store.path:
        secrets.append(Path(settings.store.path))
    order = {
        "model": str(engine_path(model.path)),
        "names": str(model.names.resolve()) if model.names else None,
        "cache": str(model.cache.resolve()) if model.cache else None,
        "gpu_layers": model.gpu_layers,
        "adapters": [{"path": str(adapter.path.resolve())} for adapter in model.adapters],
        "secrets": [str(path.resolve()) for path in secrets if path and path.is_file()],
    }
    return _run(_ENGINE_TEST, [], orjson.dumps(order))


def _run(module: str, arguments: Sequence[str], given: bytes | None) -> dict[str, Any]:
    """What a self-test's process says; one that says nothing has not shown anything."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(  # noqa: S603 - this interpreter and modules of ours
        [sys.executable, "-P", "-s", "-m", module, *arguments],
        input=given, stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True, timeout=_PATIENCE_S, check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    try:
        said = orjson.loads(done.stdout)
    except orjson.JSONDecodeError:
        return {"self-test": f"failed (exit status {done.returncode})"}
    return said if isinstance(said, dict) else {"self-test": "failed"}


def _row(item: Destination) -> dict[str, str]:
    return {"destination": str(item), "setting": item.setting}


def _service(
    settings: Settings, process: int | None, allowed: Iterable[Destination]
) -> dict[str, Any]:
    """The running service's sockets, and its engine's: each connection with what lists it."""
    told: dict[str, Any] = {"listens": f"{settings.server.host}:{settings.server.port}"}
    if process is None:
        # The service lets nobody but root look at it (docs/operators/production.md, "Core dumps").
        hidden = is_listened_on(settings.server.port)
        return told | {"running": hidden} | ({"hidden": _AS_ROOT} if hidden else {})
    held = [(process, each) for each in sockets_of(process)]
    held += [(child, each) for child in children(process) for each in sockets_of(child)]
    listening = [_place(each.local) for _, each in held if each.state == "listening"]
    out = [(owner, each) for owner, each in held if each.state == "connected"]
    return told | {
        "running": True,
        "process": process,
        "listening": sorted(set(listening)),
        "connected": [
            {"to": _place(each.remote), "by": "service" if owner == process else "its child",
             "setting": _why(each, settings.server.port, allowed)}
            for owner, each in out
        ],
    }  # fmt: skip


def _why(each: Socket, port: int, allowed: Iterable[Destination]) -> str:
    if each.local[1] == port:
        return "a caller"
    same = [item for item in allowed if item.port == each.remote[1]]
    exact = [item for item in same if str(item.address) == each.remote[0]]
    named = [item for item in same if item.address is None]
    return next((item.setting for item in (*exact, *named)), "not listed")


def _place(place: tuple[str, int]) -> str:
    return f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"


def _print(found: Mapping[str, Any]) -> None:
    console = show.screen()
    service = found["service"]
    on = "on" if found["lock"] else "OFF"
    console.print(f"Egress lock {on}, engine confined: {found['confine_engine']}", markup=False)
    hidden = "not to be looked at" if service["running"] else "not running"
    running = f"process {service['process']}" if "process" in service else hidden
    if "hidden" in service:
        console.print(service["hidden"], markup=False)
    console.print(f"The service ({running}) listens on {service['listens']}", markup=False)
    console.print(_table("Sockets held", ("to", "by", "setting"), _sockets(service)))
    rows = [(row["destination"], row["setting"]) for row in found["allowed"]]
    console.print(_table("Allowed destinations", ("destination", "setting"), rows))
    tests = found["self_test"]
    lock = tests["lock"].items()
    console.print(_table("Self-test of the lock", ("tried", "result"), lock))
    engine = tests["engine"].get("tried", tests["engine"]).items()
    console.print(_table("Self-test of the engine process", ("tried", "result"), engine))
    console.print("Everything was refused." if found["holds"] else "NOT everything was refused.")


def _sockets(service: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    listening = [(place, "service", "listening") for place in service.get("listening", ())]
    return listening + [(c["to"], c["by"], c["setting"]) for c in service.get("connected", ())]


def _table(title: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table
