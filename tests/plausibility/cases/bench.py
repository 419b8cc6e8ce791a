"""How the rules do on cases with known answers: shares with Wilson intervals, and what failed.

python -m tests.plausibility.cases.bench [--data FOLDER ...] [--json] [--terminology FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cds_hooks.evaluation.metrics import wilson
from cds_hooks.plausibility import Terminology
from tests.plausibility.cases.load import DATA, load
from tests.plausibility.cases.measures import Outcome, measured, milliseconds

__all__ = ["report"]

DATABASE = Path(__file__).resolve().parents[3] / "build" / "terminology.sqlite"
AIMS = {
    "right struck or recorded": "at most 1 %",
    "right contradicted": "of the 1 %",
    "right recorded": "of the 1 %",
    "right unrecognised": "of the 1 %",
    "absurd supported": "at most 3 %",
    "danger named": "at least 90 %",
    "everyday alarm": "at most 5 % (10 of 200)",
}
"""What was asked for; a corruption is to be caught in at least 95 %."""

ENTRIES = {"right": "right contradicted", "absurd": "absurd supported"}
"""A measure in which each entry of the kind is once."""

COUNTS_GOOD = ("caught", "danger")
"""Measures told as the share of what is wanted; the others as the share of what is not."""


def report(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Shares by measure and by complaint, and the failures, as JSON holds them."""
    all_of = list(outcomes)
    by_measure: dict[str, list[Outcome]] = defaultdict(list)
    by_complaint: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for outcome in all_of:
        by_measure[outcome.measure].append(outcome)
        by_complaint[outcome.complaint][outcome.measure].append(outcome)
    struck = [name for name in by_measure if name.startswith("right ")]
    if struck:
        by_measure["right struck or recorded"] = _any(by_measure, struck)
    return {
        "verdicts": {
            name: dict(Counter(o.verdict for o in by_measure.get(measure, ())))
            for name, measure in ENTRIES.items()
        },
        "measures": {name: _share(name, rows) for name, rows in sorted(by_measure.items())},
        "complaints": {
            complaint: {name: _count(name, rows) for name, rows in found.items()}
            for complaint, found in sorted(by_complaint.items())
        },
        "failures": [
            {"measure": o.measure, "case": o.case, "entry": o.what, "told": o.told}
            for o in all_of
            if not o.good
        ],
    }


def _any(by_measure: dict[str, list[Outcome]], names: Sequence[str]) -> list[Outcome]:
    """One outcome an entry: good where it is in all of the measures."""
    rows = zip(*(by_measure[name] for name in names), strict=True)
    return [next((o for o in row if not o.good), row[0]) for row in rows]


def _hits(name: str, rows: Sequence[Outcome]) -> int:
    wanted = name.startswith(COUNTS_GOOD)
    return sum(o.good is wanted for o in rows)


def _share(name: str, rows: Sequence[Outcome]) -> dict[str, Any]:
    hits = _hits(name, rows)
    low, high = wilson(hits, len(rows))
    aim = AIMS.get(name, "at least 95 %")
    return {"hits": hits, "n": len(rows), "share": hits / len(rows), "low": low, "high": high,
            "aim": aim}  # fmt: skip


def _count(name: str, rows: Sequence[Outcome]) -> str:
    return f"{_hits(name, rows)} of {len(rows)}"


def _tables(found: dict[str, Any]) -> Iterable[Table]:
    shares = Table("measure", "hits", "n", "share", "95 % interval (Wilson)", "aim")
    for name, row in found["measures"].items():
        interval = f"{row['low']:.1%} to {row['high']:.1%}"
        shares.add_row(name, str(row["hits"]), str(row["n"]), f"{row['share']:.1%}", interval,
                       row["aim"])  # fmt: skip
    yield shares
    shown = ("danger named", "everyday alarm", "right contradicted", "right recorded",
             "right unrecognised", "absurd supported")  # fmt: skip
    complaints = Table("complaint", *shown)
    for name, row in found["complaints"].items():
        complaints.add_row(name, *(row.get(measure, "") for measure in shown))
    yield complaints
    failures = Table("measure", "case", "entry", "told")
    for row in found["failures"]:
        failures.add_row(row["measure"], row["case"], row["entry"], row["told"][:200])
    yield failures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", type=Path, default=[DATA], metavar="FOLDER")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--terminology", type=Path, default=DATABASE, metavar="FILE")
    options = parser.parse_args()
    cases = load(*options.data)
    with Terminology(options.terminology) as terminology:
        found = report(measured(cases, terminology))
        taken = milliseconds(cases, terminology)
    found["cases"] = len(cases)
    found["milliseconds"] = {
        "of": "all rules, 8 diagnoses, 1,000 facts", "aim": "at most 25", "n": len(taken),
        "median": statistics.median(taken), "minimum": taken[0], "maximum": taken[-1],
    }  # fmt: skip
    if options.json:
        print(json.dumps(found, indent=1))
        return
    console = Console(width=160)
    for table in _tables(found):
        console.print(table)
    console.print("verdicts:", found["verdicts"])
    console.print(f"{len(cases)} cases; all rules, 8 diagnoses, 1,000 facts: median "
                  f"{found['milliseconds']['median']:.1f} ms (aim: at most 25)")  # fmt: skip


if __name__ == "__main__":
    main()
