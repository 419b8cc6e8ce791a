"""`chartside doctor engine`: whether the configured models answer, here or on their servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape

from cds_hooks.cli import show
from cds_hooks.doctor.engine_findings import tried
from cds_hooks.inference.prove import Proof, unlogged
from cds_hooks.inference.remote.server_trial import ServerTrial
from cds_hooks.settings import load_settings

__all__ = ["engine"]


def engine(
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Load each configured model in a throw-away engine process and let it decode once; ask each
    model server one small question, without a patient in it.

    An engine process is confined and climbs down its ladder as in the service, and needs as much
    memory again beside a service that runs. Exit code 0: every model answers; 1: one does not, with
    the cause; 3: the settings cannot be used.
    """
    settings = load_settings(config)
    with unlogged():
        proofs, trials = asyncio.run(tried(settings))
    if json:
        document = {
            "models": {name: proof.document() for name, proof in proofs.items()},
            "servers": {name: trial.document() for name, trial in trials.items()},
        }
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(proofs)
        _print_servers(trials)
    if not all([*(p.decodes for p in proofs.values()), *(t.answers for t in trials.values())]):
        raise typer.Exit(1)


def _print(proofs: Mapping[str, Proof]) -> None:
    console = show.screen()
    for name, proof in proofs.items():
        colour = "green" if proof.decodes else "red"
        console.print(f"{escape(name)}: [{colour}]{escape(proof.line)}[/]", soft_wrap=True)
        console.print(f"processor: {' '.join(proof.processor) or 'not told'}", soft_wrap=True)
        for key in ("engine", "built_with", "backends", "devices"):
            if told := proof.facts.get(key):
                console.print(f"{key.replace('_', ' ')}: {escape(told)}", soft_wrap=True)
        if trouble := proof.facts.get("gpu_trouble"):
            console.print(f"[yellow]{escape(trouble)}[/]", soft_wrap=True)


def _print_servers(trials: Mapping[str, ServerTrial]) -> None:
    console = show.screen()
    for name, trial in trials.items():
        colour = "yellow" if trial.answers and trial.code else "green" if trial.answers else "red"
        console.print(f"{escape(name)}: [{colour}]{escape(trial.line)}[/]", soft_wrap=True)
