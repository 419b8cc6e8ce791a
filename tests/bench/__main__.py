"""`make bench`: every `bench_*.py` beside this file, printed and written to `build/bench.json`.

A benchmark module has `rows()`, which returns dicts of name, value (the median), unit, n, minimum,
maximum, and for a ratio `against`: what it was measured against in the same run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
OUTPUT = Path("build/bench.json")


def measure(only: list[str], console: Console) -> list[dict[str, Any]]:
    """The rows of all modules, or of those whose name holds one of `only`."""
    rows: list[dict[str, Any]] = []
    for path in sorted(HERE.glob("bench_*.py")):
        if only and not any(word in path.stem for word in only):
            continue
        with console.status(f"measuring {path.stem}"):
            found = importlib.import_module(f"tests.bench.{path.stem}").rows()
        rows += [{"module": path.stem, **row} for row in found]
    return rows


def table(rows: list[dict[str, Any]]) -> Table:
    """The rows as a person reads them."""
    grid = Table(title=f"{platform.machine()}, Python {platform.python_version()}")
    for heading in ("name", "value", "unit", "n", "minimum", "maximum", "against"):
        grid.add_column(heading, justify="left" if heading in ("name", "against") else "right")
    for row in rows:
        figures = [f"{row[key]:.4g}" for key in ("value", "minimum", "maximum")]
        against = str(row.get("against", ""))
        grid.add_row(row["name"], figures[0], row["unit"], str(row["n"]), *figures[1:], against)
    return grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="words of module names; all without any")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    console = Console(width=140)
    rows = measure(options.only, console)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(rows, indent=1) + "\n")
    if options.json:
        console.print_json(json.dumps(rows))
    else:
        console.print(table(rows))


if __name__ == "__main__":
    main()
