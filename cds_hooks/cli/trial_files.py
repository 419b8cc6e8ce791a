"""The files of a trial that commands read and write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.cli.export_output import new_file
from cds_hooks.cli.trial_plan import planned_cases
from cds_hooks.trial.report.document import read_document
from cds_hooks.trial.trial_errors import ReportUnusable

__all__ = ["read_plan", "read_report", "write_files"]


def read_report(path: Path) -> tuple[dict[str, Any], str]:
    """A report's document and digest. Raises ReportUnusable."""
    return read_document(_read(path), where=str(path))


def read_plan(path: Path | None) -> dict[str, Any] | None:
    """What a report keeps of a plan; None without a file. Raises ReportUnusable."""
    if path is None:
        return None
    try:
        found = planned_cases(orjson.loads(_read(path)))
    except orjson.JSONDecodeError:
        found = None
    if found is None:
        hint = "Write one with `chartside trial plan --to FILE`."
        raise ReportUnusable("not the file of a plan", where=str(path), hint=hint)
    return found


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write each text to a new file of the folder, readable by its owner. Raises NotExported."""
    for name, text in texts.items():
        with new_file(folder / name) as file:
            file.write(text)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the file cannot be read ({error.strerror})"
        raise ReportUnusable(message, where=str(path)) from None
