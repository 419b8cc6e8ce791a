"""A reader that stops reading (`chartside ... | head -1`) ends any command without a word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def closed_pipe(*arguments: str) -> tuple[int, bytes]:
    """Exit code and standard error of a command nobody reads."""
    with subprocess.Popen(
        [sys.executable, "-m", "cds_hooks", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        return process.wait(120), said


@pytest.mark.parametrize(
    "command",
    ["discovery", "discovery --json", "--help", "models list --json", "map nowhere.json --json",
     "audit --help", "hook order-sign --bundle nowhere.json --json"],
)  # fmt: skip
def test_nothing_is_said_of_a_closed_pipe(command: str) -> None:
    code, said = closed_pipe(*command.split())
    assert (code, said) == (1, b"")
