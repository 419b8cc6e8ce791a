"""`chartside explain`: what the model saw and said in one consultation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cds_hooks.cli import explain_report, show
from cds_hooks.cli.stored_consultation import ReasonOption, SilentTrialOption, reading
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.replay import explanation
from cds_hooks.settings import Settings, load_settings

__all__ = ["explain"]


def explain(
    card: Annotated[
        str, typer.Argument(help="A card's uuid, a consultation's id, or a card's link.")
    ],
    reason: ReasonOption = "",
    silent_trial: SilentTrialOption = False,
    config: Annotated[Path | None, typer.Option(help="Settings file of the service.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what the model saw and said: facts with their sources, the prompt, raw samples, checks
    and verdicts with each rule's version and source, and what was left out.

    It is patient content. Who read it is recorded in the ledger before it is printed.
    """
    forbid_dumps()
    settings = load_settings(config)
    document, asked = asyncio.run(_explained(settings, card, reason, silent_trial=silent_trial))
    if json:
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    explain_report.write(show.screen(), document, asked=asked)


async def _explained(
    settings: Settings, card: str, reason: str, *, silent_trial: bool
) -> tuple[dict[str, Any], str]:
    """The explanation, and the id of the consultation that was asked for."""
    async with reading(
        settings, card, command="explain", reason=reason, silent_trial=silent_trial
    ) as found:
        feedback = await found.store.feedback_for(found.consultation.id)
        return explanation(found.consultation, found.tables, feedback), found.asked
