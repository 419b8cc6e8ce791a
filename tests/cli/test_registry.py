"""Every command that is registered, found by walking the registry: none can be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cds_hooks.cli.application import app

Words = tuple[str, ...]


def walk(command: Any, words: Words = ()) -> Iterator[tuple[Words, Any]]:
    """The commands that do something, with the words that call them."""
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from walk(command.get_command(context, name), (*words, name))


COMMANDS = dict(walk(typer.main.get_command(app)))
EACH = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


def test_the_registry_is_walked_to_its_leaves() -> None:
    assert {("serve",), ("map",), ("eval", "run"), ("models", "admit")} <= set(COMMANDS)
    assert len(COMMANDS) >= 18


@EACH
def test_every_command_has_help_and_json(words: Words) -> None:
    told = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert told.exit_code == 0
    assert "--json" in told.stdout
    assert len((COMMANDS[words].help or "").split()) >= 4


@EACH
def test_every_option_says_what_it_is_for(words: Words) -> None:
    options = [p for p in COMMANDS[words].params if p.param_type_name == "option"]
    silent = [p.name for p in options if not (p.help or "").strip() and p.name != "help"]
    assert silent == []
