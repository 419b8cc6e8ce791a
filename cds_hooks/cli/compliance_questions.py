"""`chartside compliance questions`: a reviewer's eleven questions, answered for an installation."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import orjson
import typer
from rich.console import Console
from rich.text import Text

from cds_hooks.audit.ledger.source import LedgerSource
from cds_hooks.audit.ledger.source_verification import verify_source
from cds_hooks.audit.ledger.verification_words import verification_words
from cds_hooks.cli import show
from cds_hooks.cli.audit_ledger_source import public_keys
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import record_progress
from cds_hooks.compliance.questions import Answer, answers
from cds_hooks.runtime.question_facts import question_facts
from cds_hooks.runtime.witness_notes import folder_notes
from cds_hooks.settings import read_settings

__all__ = ["questions"]

_INDENT = " " * 4
_EXAMPLE = " --config chartside.toml"


def questions(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Print the eleven questions that a compliance reviewer asks, each with its answer for this
    installation, what is missing, and the command that gives the evidence offline.

    The ledger is verified for it. The service need not run, and nothing is changed.
    """
    settings = read_settings(config, os.environ)

    def verified(source: LedgerSource) -> tuple[str, str]:
        witnessed = folder_notes(settings)
        report, coverage = verify_source(
            source,
            public_keys([], settings),
            witnessed,
            watch=lambda records: record_progress(records, source.total, json=json),
        )
        words = "; ".join(verification_words(report, coverage, witnessed=bool(witnessed)))
        return (f"Verified now: {words}.", "") if report.is_whole else ("", words)

    facts = question_facts(settings, verified)
    found = answers(facts)
    if json:
        document = {"at": facts.at, "profile": facts.profile,
                    "questions": [each.document() for each in found]}  # fmt: skip
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(show.screen(), found, config)


def _print(console: Console, found: Sequence[Answer], config: Path | None) -> None:
    for number, each in enumerate(found, 1):
        asked = each.question
        head = Text.assemble((f"{number}. {asked.asks}", "bold"), (f"  {asked.id}", "dim"))
        console.print(head, soft_wrap=True)
        for line in each.says:
            console.print(Text(f"{_INDENT}{line}"), soft_wrap=True)
        for line in each.lacks:
            console.print(Text(f"{_INDENT}not available: {line}", style="yellow"), soft_wrap=True)
        for command in asked.commands:
            line = f"{_INDENT}$ {_with(command.line, config)}   # {command.gives}"
            console.print(Text(line, style="dim"), soft_wrap=True)
    whole = sum(each.is_whole for each in found)
    console.print(f"{len(found)} answers; in {len(found) - whole} something is not available here.")


def _with(line: str, config: Path | None) -> str:
    """A command with the settings file of this call, so that it can be copied."""
    return line.replace(_EXAMPLE, f" --config {shlex.quote(str(config))}" if config else "")
