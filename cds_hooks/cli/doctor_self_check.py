"""`chartside doctor self-check`: known values computed again, as a service does when it starts."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.errors import ChartsideError
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.self_check import Checked, quick_checks, slow_checks
from cds_hooks.settings import load_settings

__all__ = ["self_check"]

_WRONG = 1
_COMPUTED_BY = (
    "cryptography", "jinja2", "labunits", "nh3", "orjson", "pint", "pypdf", "rfc8785", "striprtf",
    "ucumvert",
)  # fmt: skip


def self_check(
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute known values again, from units to cryptography, and tell which are right.

    A service does the same when it starts, and refuses to with `self-check-failed`. Exit code 0:
    all are right; 1: at least one is not; 3: the settings cannot be used.
    """
    found = list(dict.fromkeys(_values(load_settings(config).terminology.path)))
    passed = not any(one.problem for one in found)
    if json:
        typer.echo(orjson.dumps(_document(found, passed), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(found)
    sys.exit(0 if passed else _WRONG)


def _values(terminology: Path) -> list[Checked]:
    try:
        with Terminology(terminology) as opened:
            return [*quick_checks(opened), *slow_checks(opened)]
    except ChartsideError as error:
        missing = Checked("terminology", "the file", error.diagnostics())
        return [*quick_checks(), missing, *slow_checks()]


def _document(found: Iterable[Checked], passed: bool) -> dict[str, object]:
    return {
        "passed": passed,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _COMPUTED_BY},
        "checks": [
            {"part": one.part, "name": one.name, "result": _result(one), "problem": one.problem}
            for one in found
        ],
    }


def _print(found: Iterable[Checked]) -> None:
    console = show.screen()
    table = Table("part", "value", "result", "")
    for one in found:
        colour = "red" if one.problem else "green"
        table.add_row(one.part, one.name, f"[{colour}]{_result(one)}[/]", escape(one.problem))
    console.print(table)
    packages = ", ".join(f"{name} {version(name)}" for name in _COMPUTED_BY)
    console.print(f"Python {platform.python_version()}; {packages}.")


def _result(one: Checked) -> str:
    return "FAIL" if one.problem else "PASS"
