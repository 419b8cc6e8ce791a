"""A document as GitHub Flavored Markdown; texts are shown, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_hooks.documents.document import Document, Row, Section, Source, Table
from prompts import visible

__all__ = ["to_markdown"]

_MARKUP = re.compile(r"[\\`*_\[\]~|]")
_LINK = re.compile(r"https://[\w./?=&%#~-]+", re.ASCII)
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# What makes a heading, a list, a rule or a table of a line that begins with it.
_LINE_START = re.compile(r"^(\d{1,9})?([#+=:.)-])")


def to_markdown(document: Document) -> str:
    """Headings, answers and tables, with a line feed at the end."""
    lines = [f"# {escape(document.title)}", ""]
    lines += [line for paragraph in document.about for line in (escape(paragraph), "")]
    lines += [f"- {escape(text)}" for text in _head(document)] + [""]
    for section in document.sections:
        lines += _section(section)
    if document.sources:
        lines += ["## Sources", "", *(f"- {_source(each)}" for each in document.sources)]
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """One line of Markdown that shows the text as it is."""
    line = _MARKUP.sub(r"\\\g<0>", visible(text)).translate(_ENTITIES)
    return _LINE_START.sub(lambda m: f"{m[1] or ''}\\{m[2]}", line)


def _head(document: Document) -> Iterator[str]:
    if document.form:
        yield f"Format: {document.form}"
    if document.subject:
        yield f"Installation: {document.subject}"
    yield f"Made at {document.made_at} by Chartside {document.version}"
    if document.filled:
        told = ", ".join(f"{name} {count}" for name, count in document.filled.items())
        yield f"Answers: {document.share_filled} filled: {told}"


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {escape(section.title)}", "")
    for paragraph in section.text:
        yield from (escape(paragraph), "")
    for row in section.rows:
        yield from _row(row)
    for table in section.tables:
        yield from _table(table)


def _row(row: Row) -> Iterator[str]:
    yield from (f"### {escape(row.id)}: {escape(row.question)}", "")
    for line in row.told.splitlines():
        yield from (escape(line), "")
    if row.available:
        yield f"- Filled by: {row.told_by}"
    yield from (f"- Evidence: {escape(each)}" for each in row.evidence)
    if row.source:
        yield f"- Asked for by: {_source(row.source)}"
    yield ""


def _source(source: Source) -> str:
    name = escape(source.name)
    linked = f"[{name}](<{source.url}>)" if _LINK.fullmatch(source.url) else name
    return f"{linked}; {escape(source.status)}"


def _table(table: Table) -> Iterator[str]:
    if table.caption:
        yield from (f"{escape(table.caption)}:", "")
    yield _cells(table.headings)
    yield _cells(tuple("---" for _ in table.headings), raw=True)
    yield from map(_cells, table.rows)
    yield ""


def _cells(cells: tuple[str, ...], *, raw: bool = False) -> str:
    return f"| {' | '.join(cells if raw else map(escape, cells))} |"
