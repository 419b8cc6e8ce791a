"""What `chartside prewarm` tells at its end: numbers, labels and codes, never who it was about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import typer
from rich.console import Console

from cds_hooks.prewarm import Summary

__all__ = ["Report", "exit_code", "tell"]

FAILED = 1
PARTIAL = 4
INTERRUPTED = 130


@dataclass(slots=True)
class Report:
    """What became of a run; `cut` says why the list of appointments is not whole, if so."""

    summary: Summary = field(default_factory=Summary)
    bad_lines: tuple[int, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    cut: str = ""
    warnings: list[str] = field(default_factory=list)
    stopped: str = ""
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether all who were asked for have an answer."""
        return self.summary.whole and not self.bad_lines and not self.cut


def tell(report: Report, json: bool, console: Console) -> None:
    """To a person, or as one JSON object."""
    summary = report.summary
    if json:
        typer.echo(orjson.dumps(_document(report), option=orjson.OPT_SORT_KEYS).decode())
        return
    for warning in report.warnings:
        console.print(f"[yellow]{_WARNINGS[warning]}[/]")
    if report.bad_lines:
        lines = ", ".join(map(str, report.bad_lines))
        console.print(f"no patient id in line {lines}", markup=False)
    for reason, count in report.passed_over.items():
        console.print(f"{count} appointments passed over: {reason}", markup=False)
    if report.cut:
        console.print(f"the list of appointments is not whole: {report.cut}", markup=False)
    for label, code in summary.problems:
        console.print(f"{label}: {code}", markup=False)
    done = ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.outcomes.items()))
    console.print(
        f"{summary.done} of {summary.patients} patients in {report.seconds} s: {done or 'none'}"
        f"{f', {len(summary.problems)} without an answer' if summary.problems else ''}"
    )


_WARNINGS = {
    "answers-expire-first": "services.fresh_for_s is shorter than until that day ends: "
    "by then charts are consulted again and the answers made now are shown only meanwhile."
}


def _document(report: Report) -> dict[str, Any]:
    summary = report.summary
    return {
        "patients": summary.patients,
        "done": summary.done,
        "outcomes": dict(summary.outcomes),
        "problems": [{"which": label, "code": code} for label, code in summary.problems],
        "bad_lines": report.bad_lines,
        "passed_over": dict(report.passed_over),
        "cut": report.cut,
        "warnings": report.warnings,
        "stopped": report.stopped,
        "seconds": report.seconds,
    }


def exit_code(report: Report) -> int:
    """0 when every patient has an answer; else what kept some from one."""
    if report.stopped:
        return INTERRUPTED if report.stopped == "interrupted" else FAILED
    return 0 if report.whole else PARTIAL
