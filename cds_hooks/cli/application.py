"""All commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Never

import orjson
import typer
from typer.core import TyperGroup

from cds_hooks.cli.demo import demo
from cds_hooks.cli.discovery import discovery
from cds_hooks.cli.hook import hook
from cds_hooks.cli.mapping import map_file
from cds_hooks.cli.prewarm import prewarm
from cds_hooks.cli.serve import serve
from cds_hooks.errors import ChartsideError
from fhir_mapping import MappingError

__all__ = ["app", "main"]

BAD_INPUT = 3
"""Exit code when what was given cannot be read or used; 2 is wrong usage of a command."""

FAILED = 1

_LATER = {
    "eval": ("cds_hooks.cli.evaluation", "eval_app"),
    "models": ("cds_hooks.cli.models", "models_app"),
}


class _Commands(TyperGroup):
    """Measuring needs numpy and the suites, a service that runs for months does not: such groups
    are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_LATER]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _LATER:
            return super().get_command(ctx, cmd_name)
        module, group = _LATER[cmd_name]
        return typer.main.get_command(getattr(import_module(module), group))


app = typer.Typer(
    cls=_Commands,
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
