"""`make soak`: a minute of ten times too much work, in figures, also in `build/soak.json`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import tempfile
from pathlib import Path

from rich.console import Console

from tests.end_to_end.conftest import running_service
from tests.soak.overload import Found, overload

OUTPUT = Path("build/soak.json")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        service.until_ready()
        with console.status(f"firing for {options.seconds:.0f} s"):
            found = asyncio.run(overload(service, options.seconds, console.print))
        figures = _figures(found, _records(Path(folder) / "records.sqlite"))
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=1) + "\n")
    if options.json:
        print(json.dumps(figures, indent=1))
    for name, value in figures.items():
        console.print(f"{name:40} {value}")
    return 0 if figures["hooks without an answer"] == figures["hooks without a record"] == 0 else 1


def _records(store: Path) -> int:
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        return int(
            connection.execute("SELECT count(DISTINCT content_key) FROM consultations").fetchone()[
                0
            ]
        )


def _figures(found: Found, records: int) -> dict[str, object]:
    late = found.late_ms
    answered = found.statuses[200]
    return {
        "hooks fired": found.fired,
        "a consultation alone, s": round(found.one_takes_s, 2),
        "statuses": dict(found.statuses),
        "topics of cards": dict(found.topics),
        "hooks without an answer": found.lost,
        "hooks without a record": max(answered + 2 - records, 0),
        "latest answer after its time, ms": round(late[0], 1) if late else None,
        "answers later than 100 ms": sum(each > 100 for each in late),
        "median answer, s": round(sorted(found.took_s)[len(found.took_s) // 2], 3),
        "memory at the end over the second quarter": round(found.growth, 3),
        "memory at the end, MiB": round(found.memory_mib[-1]),
    }


if __name__ == "__main__":
    raise SystemExit(main())
