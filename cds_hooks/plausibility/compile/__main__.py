"""`python -m cds_hooks.plausibility.compile --wheels DIR --out FILE [--names FILE]`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cds_hooks.plausibility.compile import CompileError, compile_terminology


def main(argv: Sequence[str] | None = None) -> int:
    """Compile and report; 0 when the files are in place, 1 with the reason when not."""
    parser = argparse.ArgumentParser(prog="python -m cds_hooks.plausibility.compile")
    parser.add_argument("--wheels", type=Path, required=True, help="folder of the data wheels")
    parser.add_argument("--out", type=Path, required=True, help="the SQLite file to write")
    parser.add_argument("--names", type=Path, help="the list of names a model may write")
    given = parser.parse_args(argv)
    started = time.monotonic()

    def progress(step: str) -> None:
        sys.stderr.write(f"terminology: {step} ({time.monotonic() - started:.1f} s)\n")

    try:
        report = compile_terminology(given.wheels, given.out, given.names, progress)
    except CompileError as error:
        sys.stderr.write(f"{error.diagnostics()}\n")
        return 1
    progress(
        f"done: {report.icd} ICD-10-CM codes, {report.mesh} MeSH headings, "
        f"{report.linked} linked, {report.names} names"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
