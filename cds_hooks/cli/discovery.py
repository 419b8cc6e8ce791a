"""`chartside discovery`: what an EHR reads first."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.protocol.json_output import to_document
from cds_hooks.services import REGISTRY, discovery_of

__all__ = ["discovery"]


def discovery(
    json: Annotated[bool, typer.Option("--json", help="Print the document itself.")] = False,
) -> None:
    """Print the services with their hooks and prefetch templates."""
    if json:
        document = to_document(discovery_of(REGISTRY))
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    console = show.screen()
    for service in REGISTRY:
        table = Table(title=f"{service.id} ({service.hook})", title_justify="left")
        for heading in ("key", "template", "gives"):
            table.add_column(heading, overflow="fold")
        for template in service.templates:
            table.add_row(template.key, template.query, template.gives)
        console.print(table)
