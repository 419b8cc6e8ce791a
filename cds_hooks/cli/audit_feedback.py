"""`chartside audit feedback`: the feedback on one consultation's cards."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from cds_hooks.audit import Store
from cds_hooks.cli import show
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings

__all__ = ["feedback"]


def feedback(
    consultation: Annotated[str, typer.Argument(help="Its id, from `query` or the log.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Print the feedback on one consultation's cards, in the order in which it came.

    It may contain a clinician's own words, and so patient content. May be done while the service
    runs.
    """
    entries = asyncio.run(_read(load_settings(config), consultation))
    if json:
        feedback = [_to_json(each) for each in entries]
        document = {"consultation": consultation, "feedback": feedback}
        typer.echo(orjson.dumps(document).decode())
        return
    table = Table("card", "outcome", "when", "reason", "comment")
    for each in entries:
        # A client's own texts: shown as they are, without markup.
        table.add_row(*map(_plain, _cells(each)))
    console = show.screen()
    console.print(table)
    console.print(f"{len(entries)} entries")


async def _read(settings: Settings, consultation: str) -> tuple[FeedbackEntry, ...]:
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        return await store.feedback_for(consultation)
    finally:
        await store.close()


def _to_json(entry: FeedbackEntry) -> dict[str, Any]:
    reason = entry.override_reason
    return {
        "card": entry.card,
        "outcome": entry.outcome,
        "outcomeTimestamp": entry.outcome_at,
        "acceptedSuggestions": list(entry.accepted_suggestions),
        "reason": None if reason is None else {"system": reason.system, "code": reason.code},
        "userComment": entry.user_comment,
        "judgements": [asdict(each) for each in entry.judgements],
    }


def _cells(entry: FeedbackEntry) -> tuple[str, ...]:
    reason = entry.override_reason.code if entry.override_reason else ""
    reason = reason or ", ".join(f"{each.place} {each.said}" for each in entry.judgements)
    return (entry.card, entry.outcome, entry.outcome_at, reason, entry.user_comment)


def _plain(text: str) -> str:
    return escape("".join(letter if letter.isprintable() else " " for letter in text))
