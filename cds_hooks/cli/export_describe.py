"""`chartside export describe`: the site's own answers, asked one by one and kept at once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.export_output import NotExported
from cds_hooks.documents.attributes import uses_of
from cds_hooks.documents.operator_answers import OperatorAnswers, questions, with_answer
from cds_hooks.private_files import write_private
from cds_hooks.runtime.installation import operator_answers
from cds_hooks.settings import load_settings

__all__ = ["describe"]

_FILE = Path("operator.toml")
_INTRODUCTION = (
    "What only your site can say, for the documents of `chartside export`. An empty line leaves a "
    "question open; Ctrl-C stops, and what was answered is kept. Nothing of a patient belongs here."
)


def describe(
    file: Annotated[
        Path | None, typer.Option(help="The file of answers; else documents.operator_file.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Ask what only the site can answer, and keep each answer in its TOML file at once.

    It asks only what is unfilled, and says which documents use each answer. Can be interrupted and
    started again. With --json, or without a terminal, it asks nothing and lists what is missing.
    """
    settings_file = load_settings(config).documents.operator_file
    place = file or settings_file or _FILE
    answers = operator_answers(place) if place.is_file() else OperatorAnswers()
    if json:
        typer.echo(orjson.dumps(_told(place, answers), option=orjson.OPT_INDENT_2).decode())
        return
    if _is_terminal():
        answers = _ask(place, answers)
    _tell(place, answers, is_set=settings_file == place)


def _is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _ask(place: Path, answers: OperatorAnswers) -> OperatorAnswers:
    """The answers with the new ones; each is written before the next question."""
    missing = answers.missing
    if missing:
        typer.echo(f"{_INTRODUCTION}\n")
    try:
        for number, key in enumerate(missing, 1):
            said = _answer_to(key, f"{number} of {len(missing)}")
            if said:
                answers = _kept(place, key, said)
    except (typer.Abort, KeyboardInterrupt, EOFError):
        typer.echo("\nStopped; started again, it goes on.")
    return answers


def _answer_to(key: str, which: str) -> str:
    question = questions()[key]
    typer.echo(f"[{which}] {key}\n{question.question}\n  {question.help}")
    typer.echo(f"  Used by: {'; '.join(uses_of(key))}")
    return str(typer.prompt("", default="", show_default=False, prompt_suffix="> ")).strip()


def _kept(place: Path, key: str, said: str) -> OperatorAnswers:
    """Write the file with one more answer; what stands in it already stays as it is."""
    before = place.read_text("utf-8") if place.is_file() else ""
    try:
        write_private(place, with_answer(before, key, said, str(place)))
    except OSError as error:
        message = f"the file of answers cannot be written ({error.strerror})"
        raise NotExported(message, where=str(place)) from None
    return operator_answers(place)


def _told(place: Path, answers: OperatorAnswers) -> Mapping[str, Any]:
    return {
        "file": str(place),
        "answered": sorted(answers.by_key),
        "missing": [
            {
                "key": key,
                "question": questions()[key].question,
                "help": questions()[key].help,
                "used_by": list(uses_of(key)),
            }
            for key in answers.missing
        ],
    }


def _tell(place: Path, answers: OperatorAnswers, *, is_set: bool) -> None:
    missing = answers.missing
    typer.echo(f"{len(answers.by_key)} of {len(questions())} questions are answered in {place}.")
    for key in missing:
        typer.echo(f"  {key}: {questions()[key].question}")
    if not is_set:
        typer.echo(f'In the settings file, [documents]: operator_file = "{place.absolute()}"')
