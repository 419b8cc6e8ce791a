"""The options of `chartside tune prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "ApartFrom",
    "Data",
    "Examples",
    "Full",
    "Measured",
    "Model",
    "SuiteName",
    "Teacher",
    "Traces",
    "Trial",
]

SuiteName = Annotated[str, typer.Option(help="Cases of an evaluation suite; `own` is a site's.")]
Data = Annotated[Path | None, typer.Option(help="The file of --suite, or a folder that holds it.")]
Trial = Annotated[
    bool, typer.Option("--trial", help="Cases of this site's trial; it is on record.")
]
Examples = Annotated[Path | None, typer.Option(help="Examples in the documented form (JSONL).")]
Teacher = Annotated[
    Path | None, typer.Option(help="Traces and answers by id (JSONL), checked by the rules.")
]
Measured = Annotated[
    Path | None, typer.Option(help="Folder of suites that will be measured; else --data.")
]
ApartFrom = Annotated[
    list[str] | None, typer.Option(help="Suites of it to keep apart from; else all.")
]
Model = Annotated[Path | None, typer.Option(help="GGUF whose template and tokens are used.")]
Full = Annotated[
    bool, typer.Option("--full/--brief", help="The service's prompt, or the short one.")
]
Traces = Annotated[bool, typer.Option("--traces/--no-traces", help="Learn the traces, too.")]
