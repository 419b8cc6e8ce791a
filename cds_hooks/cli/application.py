"""All commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated, Never

import orjson
import typer

from cds_hooks.cli.demo import demo
from cds_hooks.cli.discovery import discovery
from cds_hooks.cli.evaluation import eval_app
from cds_hooks.cli.hook import hook
from cds_hooks.cli.mapping import map_file
from cds_hooks.cli.models import models_app
from cds_hooks.cli.prewarm import prewarm
from cds_hooks.cli.serve import serve
from cds_hooks.errors import ChartsideError
from fhir_mapping import MappingError

__all__ = ["app", "main"]

BAD_INPUT = 3
"""Exit code when what was given cannot be read or used; 2 is wrong usage of a command."""

FAILED = 1

app = typer.Typer(
    name="chartside",
    help="A CDS Hooks service that reasons over a chart on hardware the hospital owns.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("serve")(serve)
app.command("hook")(hook)
app.command("map")(map_file)
app.command("discovery")(discovery)
app.command("demo")(demo)
app.command("prewarm")(prewarm)
app.add_typer(eval_app)
app.add_typer(models_app)


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


def main() -> Never:
    """Run a command. Errors made on purpose end as one line (or JSON with `--json`)."""
    try:
        app()
    except MappingError as error:
        _fail(error.code, error.diagnostics(), BAD_INPUT)
    except ChartsideError as error:
        _fail(error.code, error.diagnostics(), BAD_INPUT if error.status < 500 else FAILED)
    sys.exit(0)


def _fail(code: str, diagnostics: str, status: int) -> Never:
    if "--json" in sys.argv:
        typer.echo(orjson.dumps({"error": {"code": code, "diagnostics": diagnostics}}).decode())
    else:
        typer.echo(f"chartside: {diagnostics}", err=True)
    sys.exit(status)
