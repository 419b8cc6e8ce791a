"""`chartside completion`: bash itself completes with the script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cds_hooks.cli.application import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bash(tmp_path: Path) -> dict[str, str]:
    """An environment with `chartside` on its path."""
    command = tmp_path / "chartside"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cds_hooks "$@"\n')
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["doc"], {"doctor"}),
        (["doctor", "c"], {"clock", "clients"}),
        (["serve", "--sand"], {"--sandbox"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes_commands_options_and_values(
    bash: dict[str, str], words: list[str], completed: set[str]
) -> None:
    quoted = " ".join(f'"{word}"' for word in ["chartside", *words])
    script = (
        'eval "$(chartside completion bash)"\n'
        f"COMP_WORDS=({quoted}); COMP_CWORD={len(words)}\n"
        "$(complete -p chartside | sed 's/.*-F \\([^ ]*\\) .*/\\1/') chartside 2>/dev/null\n"
    )
    # The function sets an array of this shell, so it is called here and not in a substitution.
    script = script.replace("$(complete -p", "function=$(complete -p").replace(
        ") chartside 2>/dev/null", ")\n$function chartside\nprintf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "-c", script], env=bash, capture_output=True, text=True, timeout=240, check=True
    )
    assert set(done.stdout.split()) == completed, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(shell: str) -> None:
    told = CliRunner().invoke(app, ["completion", shell, "--json"])
    script = json.loads(told.stdout)["script"]
    assert "_CHARTSIDE_COMPLETE=complete_" + shell in script


def test_a_shell_that_there_is_not() -> None:
    assert CliRunner().invoke(app, ["completion", "tcsh"]).exit_code == 2
