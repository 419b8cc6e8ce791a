"""A document as text: JSON for programs, Markdown, and one HTML file that loads nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import orjson
from markupsafe import Markup, escape

from cds_hooks.documents.document import NOT_AVAILABLE, Document, Row, Section, Source
from cds_hooks.documents.markdown import to_markdown
from prompts import visible

__all__ = ["FORMATS", "as_mapping", "render"]

_BETWEEN_BACKTICKS = re.compile("`([^`\n]+)`")


def as_mapping(document: Document) -> dict[str, Any]:
    """The document as JSON has it; the keys and the rows' ids are stable."""
    return {
        "document": document.name,
        "form": document.form,
        "title": document.title,
        "subject": document.subject,
        "made_at": document.made_at,
        "service_version": document.version,
        "about": list(document.about),
        "filled": dict(document.filled),
        "sections": [_section(each) for each in document.sections],
        "sources": [_source(each) for each in document.sources],
    }


def to_json(document: Document) -> str:
    """Indented JSON with a line feed at its end."""
    return orjson.dumps(as_mapping(document), option=orjson.OPT_INDENT_2).decode() + "\n"


def to_html(document: Document) -> str:
    """One file: no scripts, nothing loaded from elsewhere, every text escaped."""
    return _template().render(document=document, not_available=NOT_AVAILABLE)


FORMATS: Mapping[str, Callable[[Document], str]] = {
    "json": to_json,
    "markdown": to_markdown,
    "html": to_html,
}
"""What a document can be rendered as, by the name of the format."""


def render(document: Document, format_: str) -> str:
    """The document in a format of `FORMATS`. Raises KeyError for another one."""
    return FORMATS[format_](document)


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "text": list(section.text),
        "rows": [_row(each) for each in section.rows],
        "tables": [asdict(each) for each in section.tables],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "question": row.question,
        "available": row.available,
        "answer": row.answer if row.available else NOT_AVAILABLE,
        "filled_by" if row.available else "to_be_filled_by": row.filled_by.value,
        **_more(row),
        "evidence": list(row.evidence),
        "source": _source(row.source) if row.source else None,
    }


def _more(row: Row) -> dict[str, Any]:
    if row.available:
        return {"also_filled_by": [each.value for each in row.also_by]} if row.also_by else {}
    told = {"how_to_fill": row.to_fill, "known_meanwhile": row.known}
    return {name: text for name, text in told.items() if text}


def _source(source: Source) -> dict[str, str]:
    return {**asdict(source), "checked": source.checked or "unknown"}


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["lines"] = lambda text: [visible(line) for line in text.splitlines()]
    environment.filters["visible"] = visible
    environment.filters["commands"] = _commands
    text = files(__package__).joinpath("document.html.j2").read_text("utf-8")
    return environment.from_string(text)


def _commands(text: str) -> Markup:
    """A text with what stands between backticks as code; all of it escaped."""
    return Markup(_BETWEEN_BACKTICKS.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704
