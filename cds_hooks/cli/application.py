"""All commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import inspect
import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Never

import orjson
import typer
from typer.completion import completion_init  # type: ignore[attr-defined] # not in __all__
from typer.core import TyperGroup

from cds_hooks.cli.completion import VARIABLE
from cds_hooks.cli.reading import uncollected
from cds_hooks.errors import ChartsideError
from fhir_mapping import MappingError, UnitsUnavailable

__all__ = ["app", "main"]

BAD_INPUT = 3
"""Exit code when what was given cannot be read or used; 2 is wrong usage of a command."""

FAILED = 1

_COMMANDS = {
    "serve": ("cds_hooks.cli.serve", "serve"),
    "health": ("cds_hooks.cli.health", "health"),
    "open": ("cds_hooks.cli.open_link", "open_link"),
    "hook": ("cds_hooks.cli.hook", "hook"),
    "conform": ("cds_hooks.cli.conform", "conform"),
    "simulate": ("cds_hooks.cli.simulate", "simulate"),
    "capture": ("cds_hooks.cli.capture", "capture"),
    "replay": ("cds_hooks.cli.replay", "replay"),
    "explain": ("cds_hooks.cli.explain", "explain"),
    "map": ("cds_hooks.cli.mapping", "map_file"),
    "discovery": ("cds_hooks.cli.discovery", "discovery"),
    "demo": ("cds_hooks.cli.demo", "demo"),
    "prewarm": ("cds_hooks.cli.prewarm", "prewarm"),
    "statistics": ("cds_hooks.cli.statistics", "statistics"),
    "services": ("cds_hooks.cli.services", "services_app"),
    "doctor": ("cds_hooks.cli.doctor", "doctor_app"),
    "models": ("cds_hooks.cli.models", "models_app"),
    "plan": ("cds_hooks.cli.plan", "plan"),
    "clients": ("cds_hooks.cli.clients", "clients_app"),
    "init": ("cds_hooks.cli.init", "init"),
    "completion": ("cds_hooks.cli.completion", "completion"),
    "egress": ("cds_hooks.cli.egress", "egress_app"),
    "compliance": ("cds_hooks.cli.compliance", "compliance_app"),
    "audit": ("cds_hooks.cli.audit", "audit_app"),
    "export": ("cds_hooks.cli.export", "export_app"),
    "trial": ("cds_hooks.cli.trial", "trial_app"),
    "eval": ("cds_hooks.cli.evaluation", "eval_app"),
    "verifier": ("cds_hooks.cli.verifier", "verifier_app"),
    "tune": ("cds_hooks.cli.tune", "tune_app"),
}


class _Commands(TyperGroup):
    """Each command is imported when it is called: a service starts sooner, and carries nothing,
    without what only other commands need."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        with uncollected():
            found = getattr(import_module(module), name)
        if not isinstance(found, typer.Typer):
            group = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            group.command(cmd_name)(found)
            found = group
        command = typer.main.get_command(found)
        command.name = cmd_name
        _unwrap(command)
        return command


def _unwrap(command: Any) -> None:
    """Make each paragraph of help one line: rich keeps the line ends of the source and wraps beside
    them."""
    text = inspect.cleandoc(command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(each.split()) for each in text)
    for each in getattr(command, "commands", {}).values():
        _unwrap(each)


app = typer.Typer(
    cls=_Commands,
    name="chartside",
    help="A CDS Hooks service that reasons over a chart on hardware the hospital owns.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("chartside"))
        raise typer.Exit


@app.callback()
def _options(
    show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A CDS Hooks service that reasons over a chart on hardware the hospital owns."""


class FileUnusable(ChartsideError):
    """A file or folder that a command was given is none, is no folder, or may not be used."""

    code = "file-unusable"


def main() -> Never:
    """Run a command. Errors made on purpose end as one line (or JSON with `--json`).

    Who reads no further (`| head`) ends the command without a word.
    """
    status: Any = 0
    try:
        try:
            _run()
        except SystemExit as ended:
            status = ended.code
        # What waits in a buffer is part of the command: Python would write it too late to be heard.
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        for stream in (sys.stdout, sys.stderr):
            _abandon(stream)
        status = status or FAILED
    sys.exit(status)


def _abandon(stream: Any) -> None:
    """Lead a stream that nobody reads to nowhere: Python flushes once more when it ends, which
    would fail again and say so."""
    try:
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _run() -> None:
    if VARIABLE in os.environ:
        completion_init()
    try:
        app(prog_name="chartside", complete_var=VARIABLE)
    except MappingError as error:
        status = FAILED if isinstance(error, UnitsUnavailable) else BAD_INPUT
        _fail(error.code, error.diagnostics(), status)
    except ChartsideError as error:
        _fail(error.code, error.diagnostics(), BAD_INPUT if error.status < 500 else FAILED)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is None:
            raise
        found = FileUnusable(
            error.strerror or "cannot be used",
            where=str(error.filename),
            hint="Name another file or folder, or change who may use this one.",
        )
        _fail(found.code, found.diagnostics(), FAILED)


def _fail(code: str, diagnostics: str, status: int) -> Never:
    if "--json" in sys.argv:
        typer.echo(orjson.dumps({"error": {"code": code, "diagnostics": diagnostics}}).decode())
    else:
        typer.echo(f"chartside: {diagnostics}", err=True)
    sys.exit(status)
