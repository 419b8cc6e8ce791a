"""A page as one HTML file, and as Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from cds_hooks.evaluation.report.page import Page, PageTable

__all__ = ["to_html", "to_markdown"]

_TOLD = re.compile(r"<title>(.*?)</title><desc>(.*?)</desc>", re.DOTALL)
_FIGURE = re.compile(r"(\S+(?: %)?) (\([^()]+\), n = \d+)")


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with its title and its figures in words; all of it is escaped already."""

    drawn: Markup
    title: Markup
    words: Markup

    @classmethod
    def of(cls, svg: str) -> Plot:
        told = _TOLD.search(svg)
        title, words = told.groups() if told else ("", "")
        return cls(Markup(svg), Markup(title), Markup(words))  # noqa: S704 - made by svg.py


def to_html(page: Page) -> str:
    """One file: no scripts, nothing loaded from elsewhere. Text is escaped; plots are our own."""
    plots = {id(s): [Plot.of(p) for p in s.plots] for s in page.sections}
    return _template().render(page=page, plots=plots, id=id)


def to_markdown(page: Page) -> str:
    """The same text and tables; of plots their words."""
    lines = [f"# {page.title}", "", *_paragraphs(page.lead)]
    for section in page.sections:
        lines += [f"## {section.title}", "", *_paragraphs(section.text)]
        for plot in map(Plot.of, section.plots):
            lines += [html.unescape(f"{plot.title}: {plot.words}."), ""]
        for table in section.tables:
            lines += [*_table(table), ""]
    return "\n".join(lines).rstrip() + "\n"


def _paragraphs(text: tuple[str, ...]) -> Iterator[str]:
    for paragraph in text:
        yield paragraph
        yield ""


def _table(table: PageTable) -> Iterator[str]:
    if table.caption:
        yield f"{table.caption}:"
        yield ""
    yield _row(table.headings)
    yield _row(tuple("---" for _ in table.headings))
    yield from map(_row, table.rows)


def _row(cells: tuple[str, ...]) -> str:
    shown = (" ".join(c.split()).replace("\\", "\\\\").replace("|", "\\|") for c in cells)
    return f"| {' | '.join(shown)} |"


def _split(cell: str) -> Markup:
    """A figure with its interval and n under it; any other text as it is."""
    found = _FIGURE.fullmatch(cell)
    if found is None:
        return Markup("{}").format(cell)
    return Markup("{} <small>{}</small>").format(*found.groups())


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["split"] = _split
    text = files(__package__).joinpath("page.html.j2").read_text("utf-8")
    return environment.from_string(text)
