"""A suite by its id, from wherever its file lies."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.research.clinosim import ChartForm, load_clinosim
from cds_hooks.evaluation.research.eurorad import load_eurorad
from cds_hooks.evaluation.suites.osce import load_osce
from cds_hooks.evaluation.suites.own import load_own, load_own_ndjson
from cds_hooks.evaluation.suites.questions import load_judging, load_multiple_choice
from cds_hooks.evaluation.suites.registry import known_suites
from cds_hooks.evaluation.suites.suite import OnError, Suite, Task
from cds_hooks.evaluation.suites.vignettes import load_vignettes

__all__ = ["find_file", "load_suite"]

_DEEPEST = 3


def load_suite(
    suite: str,
    data: Path,
    *,
    now: datetime,
    on_error: OnError = OnError.STOP,
    labels: Path | None = None,
) -> Suite:
    """The suite of this id; `data` is its file or a folder that holds it, `labels` the truths
    beside an NDJSON export. Raises SuiteError for an unknown id or a file that cannot be used."""
    path = find_file(suite, data)
    if suite in set(ChartForm):
        return load_clinosim(path.parent, ChartForm(suite), now=now, on_error=on_error)
    match suite:
        case "osce":
            return load_osce(path, now=now, on_error=on_error)
        case "vignettes":
            return load_vignettes(path, Task.CLOSED, now=now, on_error=on_error)
        case "vignettes-open":
            return load_vignettes(path, Task.OPEN, now=now, on_error=on_error)
        case "eurorad-replay":
            return load_eurorad(path, on_error=on_error)
        case "multiple-choice":
            return load_multiple_choice(path, on_error=on_error)
        case "judging":
            return load_judging(path, on_error=on_error)
        case _ if labels is not None:
            return load_own_ndjson(path, labels, now=now, on_error=on_error)
        case _:
            return load_own(path, now=now, on_error=on_error)


def find_file(suite: str, data: Path) -> Path:
    """The suite's file: `data` itself, or the nearest of its name up to three folders below."""
    known = known_suites().get(suite)
    if known is None:
        hint = f"Suites: {', '.join(known_suites())}."
        raise SuiteError("no suite of this name", where=suite, hint=hint)
    if data.is_file():
        return data
    depths = (sorted(data.glob("*/" * depth + known.file)) for depth in range(_DEEPEST + 1))
    found = next((path for paths in depths for path in paths), None)
    if found is None:
        hint = f"It comes from {known.origin}; say where it lies with --data."
        raise SuiteError(f"no file {known.file}", where=str(data), hint=hint)
    return found
