"""GitHub Flavored Markdown as HTML that a page with a strict policy can show."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup, escape

__all__ = ["card_html"]


def card_html(detail: str, *, as_text: bool = False) -> Markup:
    """The detail of a card: HTML in it stays text, and no image is loaded from anywhere."""
    if as_text:
        return Markup("<pre>{}</pre>").format(escape(detail))
    return Markup(_MARKDOWN.render(detail))  # noqa: S704 - markdown-it escapes what is no Markdown


def _plain(state: StateCore) -> None:
    """Without style attributes, which the page's policy refuses: alignment of columns is lost.
    Links open beside the page and tell the other side nothing."""
    for token in state.tokens:
        token.attrs.pop("style", None)
        for child in token.children or ():
            if child.type == "link_open":
                child.attrs |= {"rel": "noopener noreferrer nofollow", "target": "_blank"}


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_MARKDOWN.disable(["image", "html_inline", "html_block"])
_MARKDOWN.core.ruler.push("plain", _plain)
