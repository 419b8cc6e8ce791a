"""A command at a pseudo-terminal: its questions are answered as a person would."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["at_a_pseudo_terminal"]

ROOT = Path(__file__).resolve().parents[1]
_LIMIT_S = 120


def at_a_pseudo_terminal(
    arguments: Sequence[str], answers: Sequence[str], folder: Path, term: str = "dumb"
) -> tuple[int, str]:
    """The exit code of `chartside` with these arguments, and all that the terminal showed.

    A dumb terminal shows neither colours nor what moves.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cds_hooks", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": term, "COLUMNS": "200"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        close_fds=True,
    )
    os.close(theirs)
    # A terminal keeps what is typed ahead until it is read.
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed when the process has ended
        while piece := os.read(ours, 4096):
            shown += piece
    code = process.wait(_LIMIT_S)
    os.close(ours)
    return code, shown.decode(errors="replace")
