"""`chartside eval feedback`: what clinicians said of diagnoses, by verdict."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.progress import track
from rich.table import Table

from cds_hooks.audit import Store
from cds_hooks.cli import show
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.evaluation.clinicians import Given, Judged, JudgedVerdict, judged
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings

__all__ = ["feedback"]


def feedback(
    config: Annotated[
        Path | None, typer.Option(help="Settings file (TOML) of the service.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count what clinicians said of single diagnoses, useful or wrong, by the checks' verdict.

    Read from the records of this site; may be done while the service runs. Prints counts only.
    Who judges chooses what to judge: these are no rates of errors.
    """
    found = judged(asyncio.run(_read(load_settings(config), quiet=json)))
    if json:
        typer.echo(orjson.dumps(_document(found)).decode())
        return
    table = Table("verdict", "useful", "wrong", "share wrong (95 % interval)", "why, by code")
    for row in found.verdicts:
        table.add_row(row.verdict.value, str(row.useful), str(row.wrong), _share(row), _why(row))
    console = show.screen()
    console.print(table)
    console.print(f"{found.consultations} consultations with a judgement")


async def _read(settings: Settings, *, quiet: bool) -> list[Given]:
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        given = []
        ids = await store.consultations_with_feedback()
        for each in track(ids, "Reading", console=show.screen(json=True), disable=quiet):
            consultation = await store.get(each)
            if isinstance(consultation, CheckedConsultation):
                given.append((consultation, await store.feedback_for(each)))
        return given
    finally:
        await store.close()


def _document(found: Judged) -> dict[str, Any]:
    return {
        "consultations": found.consultations,
        "verdicts": [
            {
                "verdict": row.verdict.value,
                "useful": row.useful,
                "wrong": row.wrong,
                "shareWrong": row.share_wrong.value,
                "low": row.share_wrong.low,
                "high": row.share_wrong.high,
                "why": dict(row.why),
            }
            for row in found.verdicts
        ],
    }


def _share(row: JudgedVerdict) -> str:
    share = row.share_wrong
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%}), n = {share.n}"


def _why(row: JudgedVerdict) -> str:
    return ", ".join(f"{code} {count}" for code, count in row.why)
