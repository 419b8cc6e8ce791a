"""Options and output that the commands of `chartside export` share."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import print_result
from cds_hooks.documents import FORMATS, Document, render
from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import make_folder

__all__ = [
    "ConfigOption",
    "FormatOption",
    "JsonOption",
    "NotExported",
    "ToOption",
    "format_of",
    "made_now",
    "new_file",
    "require_format",
    "told_of",
    "write_document",
    "write_text",
]

FormatOption = Annotated[
    str,
    typer.Option(
        "--format", help="json, markdown or html; else by the ending of --to, or Markdown."
    ),
]
ToOption = Annotated[
    Path | None, typer.Option("--to", help="A new file, readable by its owner; else the terminal.")
]
_ENDINGS = {".json": "json", ".md": "markdown", ".html": "html", ".htm": "html"}


class NotExported(ChartsideError):
    """An unknown format, or a file that is there already."""

    code = "not-exported"
    status = 400


def made_now() -> tuple[str, str]:
    """What a document says of its making: the time (UTC, RFC 3339) and the program's version."""
    return format_utc(time.time()), version("chartside")


def write_document(document: Document, format_: str, to: Path | None, *, json: bool) -> None:
    """Write a document to a file, or print it; `json` prints it as JSON, or tells of the file.

    Raises NotExported.
    """
    require_format(format_)
    chosen = format_ or format_of(to) or ("json" if json and not to else "markdown")
    write_text(render(document, chosen), to, told_of(document, chosen), json=json)


def require_format(format_: str, *more: str) -> None:
    """Raise NotExported for a format that there is none of, before anything is gathered."""
    known = (*more, *FORMATS)
    if format_ and format_ not in known:
        hint = f"One of: {', '.join(known)}."
        raise NotExported("there is no such format", where="--format", hint=hint)


def format_of(to: Path | None) -> str:
    """The format that a file's ending names, or empty."""
    return _ENDINGS.get(to.suffix, "") if to else ""


def told_of(document: Document, format_: str) -> dict[str, Any]:
    """What `--json` tells of a document that was written: who filled how much, what is missing."""
    lacking = [row.id for row in document.rows if not row.available]
    return {"format": format_, "filled": dict(document.filled), "not_available": lacking}


def write_text(text: str, to: Path | None, told: dict[str, Any], *, json: bool) -> None:
    """Print a text, or write it to a new file and tell of that, with its digest.

    Raises NotExported when there is such a file, or it cannot be written.
    """
    if to is None:
        typer.echo(text, nl=False)
        return
    with new_file(to) as file:
        file.write(text)
    result = {"file": str(to), "sha256": hashlib.sha256(text.encode()).hexdigest(), **told}
    lacking = len(told.get("not_available", ()))
    note = f"; {lacking} answers are not available, and say who fills them" if lacking else ""
    print_result(result, f"{to} written{note}", json=json)


@contextmanager
def new_file(to: Path | None) -> Iterator[TextIO]:
    """A new file, readable by its owner, to be written to; without a place standard output.

    Raises NotExported when there is such a file, or it cannot be written. A file that could not be
    finished is taken away again.
    """
    if to is None:
        yield sys.stdout
        return
    try:
        make_folder(to.absolute().parent)
        to.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        hint = "Name another one, or delete it."
        raise NotExported("there is such a file already", where=str(to), hint=hint) from None
    except OSError as error:
        message = f"the file cannot be written ({error.strerror})"
        raise NotExported(message, where=str(to)) from None
    try:
        with to.open("w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        to.unlink(missing_ok=True)
        raise
