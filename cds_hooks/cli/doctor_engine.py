"""`chartside doctor engine`: whether the configured models load and decode on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape

import prompts
from cds_hooks.cli import show
from cds_hooks.inference.prove import Proof, prove, unlogged
from cds_hooks.runtime.engines import local_configs, model_entry, samples_of
from cds_hooks.settings import Settings, load_settings

__all__ = ["engine"]

_ELSEWHERE = "The models are on servers: nothing is loaded on this machine."


def engine(
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Load each configured model in a throw-away engine process and let it decode once.

    It is confined and climbs down its ladder as in the service, and needs as much memory again
    beside a service that runs. Exit code 0: every model decodes; 1: one does not, with the cause;
    3: the settings cannot be used.
    """
    settings = load_settings(config)
    with unlogged():
        proofs = asyncio.run(_proofs(settings))
    if json:
        document = {name: proof.document() for name, proof in proofs.items()}
        typer.echo(orjson.dumps({"models": document}, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(proofs)
    if not all(proof.decodes for proof in proofs.values()):
        raise typer.Exit(1)


async def _proofs(settings: Settings) -> dict[str, Proof]:
    """One after the other: together they might not fit the memory."""
    template = prompts.load("differential")
    samples = samples_of(settings, model_entry(settings), template)
    found = {}
    for each in local_configs(settings, template.settings, samples):
        found[each.entry.name] = await prove(each)
    return found


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
    if not proofs:
        console.print(_ELSEWHERE)
