"""`make soak`: a minute of ten times too much work, in figures, also in `build/soak.json`.

It ends with 1 when an aim is missed: see `tests.soak.judged`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from rich.console import Console

from tests.end_to_end.conftest import running_service
from tests.soak.judged import Aims, figures, missed
from tests.soak.overload import overload, records_in

OUTPUT = Path("build/soak.json")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--late-ms",
        type=float,
        default=Aims().late_ms,
        help="by how much an answer may come after `answer_within_s`",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        service.until_ready()
        with console.status(f"firing for {options.seconds:.0f} s"):
            found = asyncio.run(overload(service, options.seconds, console.print))
        found.records = records_in(Path(folder) / "records.sqlite")
    aims = Aims(late_ms=options.late_ms)
    told, failed = figures(found, aims), missed(found, aims)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({**told, "missed": failed}, indent=1) + "\n")
    if options.json:
        print(json.dumps({**told, "missed": failed}, indent=1))
    for name, value in told.items():
        console.print(f"{name:40} {value}")
    for name in failed:
        console.print(f"missed: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
