"""Options that several `chartside audit` commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ConfigOption", "ExportOption", "JsonOption"]

ConfigOption = Annotated[Path | None, typer.Option(help="Settings file (TOML) of the service.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ExportOption = Annotated[
    Path | None, typer.Option("--export", help="An export instead of the store.")
]
