"""`chartside completion`: a shell's own completion of commands and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import orjson
import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined] # not in __all__

__all__ = ["VARIABLE", "Shell", "completion"]

VARIABLE = "_CHARTSIDE_COMPLETE"
"""Set by the shell's script when it asks for completions instead of running a command."""


class Shell(StrEnum):
    """Shells that have completion."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(help="Whose completion: bash, zsh or fish.")],
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Print the script that lets a shell complete commands and options.

    Load it where the shell starts: `eval "$(chartside completion bash)"` in `~/.bashrc`; the same
    with zsh, after compinit, in `~/.zshrc`; for fish write it to a file chartside.fish in
    `~/.config/fish/completions`.
    """
    script = get_completion_script(prog_name="chartside", complete_var=VARIABLE, shell=shell.value)
    if json:
        typer.echo(orjson.dumps({"shell": shell.value, "script": script}).decode())
    else:
        typer.echo(script)
