"""Help as a person sees it: nothing that was written is eaten on its way to the terminal."""

from __future__ import annotations

import re

import typer
from typer.testing import CliRunner

from cds_hooks.cli.application import app
from tests.cli.test_registry import COMMANDS, EACH, Words

_DRAWN = re.compile(r"[\s│╭╮╰╯─]+")


@EACH
def test_every_word_of_help_is_printed(words: Words) -> None:
    """Square brackets are markup to rich: `[[clients]]` would be printed as `[]`."""
    terminal = {"COLUMNS": "300", "TERM": "dumb"}
    printed = _DRAWN.sub("", CliRunner().invoke(app, [*words, "--help"], env=terminal).stdout)
    command = COMMANDS[words]
    written = [command.help or "", *(getattr(p, "help", "") or "" for p in command.params)]
    paragraphs = [part for text in written for part in text.partition("\f")[0].split("\n\n")]
    assert [part for part in paragraphs if _DRAWN.sub("", part) not in printed] == []


@EACH
def test_every_argument_says_what_it_is(words: Words) -> None:
    arguments = [p for p in COMMANDS[words].params if p.param_type_name == "argument"]
    assert [p.name for p in arguments if not (getattr(p, "help", "") or "").strip()] == []


def test_a_bracket_that_is_eaten_is_noticed() -> None:
    """What the first test looks for does happen."""
    eater = typer.Typer()

    @eater.command()
    def command() -> None:
        """A client of [[clients]]."""

    told = CliRunner().invoke(eater, ["--help"], env={"TERM": "dumb"}).stdout
    assert "[[clients]]" not in told
