"""`chartside compliance`: checks of an installation against rules that bind hospitals."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.text import Text

from cds_hooks.cli import show
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import record_progress
from cds_hooks.cli.compliance_questions import questions
from cds_hooks.cli.export_output import FormatOption, ToOption, made_now, write_document
from cds_hooks.cli.mapping import UsageError
from cds_hooks.compliance.checks import (
    PROFILES,
    Check,
    Finding,
    ProfileReport,
    Result,
    check_profile,
    profile,
)
from cds_hooks.compliance.checks.report import NOTICE
from cds_hooks.compliance.checks.report_document import report_document
from cds_hooks.runtime.installation_facts import facts_of
from cds_hooks.settings import read_settings

__all__ = ["compliance_app"]

_FAILED = 1
_COLOURS = {Result.PASS: "green", Result.FAIL: "bold red", Result.NOT_ASSESSED: "yellow"}
_INDENT = " " * 4

compliance_app = typer.Typer(
    name="compliance",
    help="Check an installation against rules that bind hospitals, offline.",
    no_args_is_help=True,
    add_completion=False,
)

ProfileOption = Annotated[
    list[str] | None,
    typer.Option("--profile", help=f"{', '.join(PROFILES)}; several; all without it."),
]


@compliance_app.callback()
def _group() -> None:
    """Check an installation against rules that bind hospitals, offline."""


compliance_app.command("questions")(questions)


@compliance_app.command()
def check(
    profiles: ProfileOption = None,
    format_: FormatOption = "",
    to: ToOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check settings and store against HIPAA, FDA's criteria, HTI-1 and the EU AI Act.

    Each check has a stable id, its clause, the evidence that was looked at, and PASS, FAIL or NOT
    ASSESSED with what would settle it. The service need not run, and nothing is changed. With --to
    or --format it is a document to keep. Exit code 0: nothing failed; 1: something did; 3: the
    settings cannot be read.
    """
    chosen = profiles or list(PROFILES)
    if unknown := set(chosen) - set(PROFILES):
        hint = f"One of: {', '.join(PROFILES)}."
        raise UsageError(f"there is no profile {min(unknown)}", where="--profile", hint=hint)
    settings = read_settings(config, os.environ)
    watch = partial(record_progress, total_bytes=0, json=json)
    installation = facts_of(settings, config, watch=watch)
    reports = [check_profile(profile(name), installation) for name in dict.fromkeys(chosen)]
    of_settings = str(installation.settings["profile"])
    if to or format_:
        subject, version = settings.server.public_url, made_now()[1]
        document = report_document(reports, installation.at, version, subject, of_settings)
        write_document(document, format_, to, json=json)
    elif json:
        told = _mapping(reports, installation.at, of_settings)
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(show.screen(), reports, of_settings)
    if any(report.has_failed for report in reports):
        raise typer.Exit(_FAILED)


def _mapping(reports: Sequence[ProfileReport], at: str, of_settings: str) -> dict[str, Any]:
    profiles = [report.document() for report in reports]
    return {"at": at, "settings_profile": of_settings, "notice": NOTICE, "profiles": profiles}


def _print(console: Console, reports: Sequence[ProfileReport], of_settings: str) -> None:
    if of_settings != "production":
        note = "These settings are of the demo profile, for invented data: some checks fail."
        console.print(Text(note, style="yellow"), soft_wrap=True)
    for report in reports:
        chosen = report.profile
        console.print(Text(f"\n{chosen.title}", style="bold"), soft_wrap=True)
        for line in (chosen.binds, chosen.state, f"{chosen.how_checked} ({chosen.checked})"):
            console.print(Text(line, style="dim"), soft_wrap=True)
        for check_, finding in report.findings:
            _print_finding(console, check_, finding)
        counts = ", ".join(f"{count} {name}" for name, count in report.counts.items())
        tail = f"{chosen.id}: {counts}. Not looked at: {chosen.beyond}"
        console.print(Text(tail), soft_wrap=True)
    console.print(Text(f"\n{NOTICE}"), soft_wrap=True)


def _print_finding(console: Console, check_: Check, finding: Finding) -> None:
    head = Text.assemble((f"{finding.result.value:12} ", _COLOURS[finding.result]), check_.id)
    head.append(f"  {check_.clause}")
    console.print(head, soft_wrap=True)
    for line in _lines(check_, finding):
        console.print(Text(f"{_INDENT}{line}"), soft_wrap=True)


def _lines(check_: Check, finding: Finding) -> Iterable[str]:
    yield f"asks: {check_.requires}"
    yield f"says: {finding.says}"
    for each in finding.evidence:
        yield f"{each.kind}: {each.what} = {each.found}" if each.found else each.what
    if check_.tests or check_.pages:
        yield f"shown by: {', '.join((*check_.tests, *check_.pages))}"
    if finding.result is Result.NOT_ASSESSED:
        yield f"-> would settle it: {check_.settle}"
    elif finding.result is Result.FAIL:
        yield f"-> {check_.mend}"
