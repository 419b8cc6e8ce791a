"""What a card, a page and a prompt may hold. Each judge gives what is wrong, an empty list if none.

Written apart from the code that escapes: a parser of Markdown and one of HTML say what a client
would make of a text, and the lists of characters come from the Unicode database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt

from cds_hooks.cards.wording import is_directive

__all__ = ["card_faults", "page_faults", "prompt_faults", "strings", "text_faults"]

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_ALIVE = {
    *("link_open", "image", "html_inline", "html_block", "code_inline", "code_block", "fence"),
    *("heading_open", "hr", "table_open", "blockquote_open", "ordered_list_open", "s_open"),
}
# GFM 0.29 section 6.9 (extended autolinks), and dotted names that linkifiers take for hosts.
_LINKED = re.compile(
    r"https?://|ftp://|//\S|www\.|[\w.+-]+@[\w-]|(?:mailto|xmpp|javascript|vbscript|data):\S"
    r"|\w\.(?:com|org|net|example|health)\b",
    re.IGNORECASE,
)
# Default_Ignorable_Code_Point and other characters that draw nothing (Unicode UTS #39).
_UNSEEN = {
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC),
    *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)),
}
_MARKS_IN_A_ROW = 4


def strings(node: Any) -> Iterator[str]:
    """Every string in a JSON value, keys too."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        yield from node
        for child in node.values():
            yield from strings(child)
    elif isinstance(node, list):
        for child in node:
            yield from strings(child)


def text_faults(text: str, *, lines: bool = False) -> list[str]:
    """Characters that are not seen, or that draw over what is beside them."""
    found = set()
    for char in text:
        if lines and char == "\n":
            continue
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            found.add(f"U+{ord(char):04X} is not seen")
        elif ord(char) in _UNSEEN:
            found.add(f"U+{ord(char):04X} draws nothing")
    if re.search(rf"[\u0300-\u036f]{{{_MARKS_IN_A_ROW + 1},}}", unicodedata.normalize("NFD", text)):
        found.add("combining marks are stacked")
    return sorted(found)


def card_faults(card: dict[str, Any], base: str) -> list[str]:
    """What a client could make of a card that is more than text."""
    found = []
    for text in strings({key: value for key, value in card.items() if key != "links"}):
        found += text_faults(text, lines=True)
    found += [f"a link to {link['url']}" for link in card["links"] if not _ours(link, base)]
    found += [f"{kind} in detail" for kind in _alive(card["detail"])]
    for text in (card["summary"], *_labels(card)):
        found += [f"{kind} in {text!r}" for kind in _alive(f"x {text}")]
        found += [f"a link could be made of {text!r}" for _ in _LINKED.finditer(text)]
    for line in _lines(card):
        found += [f"a link could be made of {line!r}" for _ in _LINKED.finditer(line)]
        found += [f"a directive: {line!r}"] if is_directive(line) else []
    return found


def _ours(link: dict[str, str], base: str) -> bool:
    path = link["url"].removeprefix(base)
    return (
        link["type"] == "absolute"
        and re.fullmatch(r"/basis|/consultations/[\w.-]+", path) is not None
    )


def _alive(markdown: str) -> set[str]:
    tokens = _MARKDOWN.parse(markdown)
    kinds = {child.type for token in tokens for child in (token, *(token.children or ()))}
    return kinds & _ALIVE


def _labels(card: dict[str, Any]) -> Iterator[str]:
    for suggestion in card.get("suggestions", ()):
        yield suggestion["label"]
        for action in suggestion["actions"]:
            yield action["description"]
            yield action["resource"]["code"]["text"]


def _lines(card: dict[str, Any]) -> Iterator[str]:
    """What a reader sees, run by run, of summary and detail."""
    for token in _MARKDOWN.parse(card["detail"]):
        if token.type == "inline":
            yield from (c.content for c in token.children or () if c.type == "text" and c.content)
    yield card["summary"]


# What our own templates and the Markdown of our own cards are made of.
_TAGS = {
    *("html", "head", "meta", "title", "body", "h1", "h2", "h3", "h4", "p", "a", "article"),
    *("link", "script", "img", "header", "nav", "main", "footer", "section", "div", "noscript"),
    *("thead", "tbody", "details", "summary"),
    *("table", "tr", "th", "td", "ul", "ol", "li", "strong", "em", "code", "br", "dl", "dt", "dd"),
    *("form", "fieldset", "legend", "label", "span", "input", "select", "option", "textarea"),
    "button",
}
_ACTION = re.compile(r"[0-9a-f-]{36}\.[0-9]{1,12}\.[0-9a-f]{64}/feedback")
_FIELDS = re.compile(r"(?:said|why)-[1-9][0-9]?|words|of|viewport|color-scheme|htmx-config")
# Scripts, style and pictures are the console's own, addressed with their digests.
_ASSET = re.compile(r"(?:\.\./)?assets/[a-z-]+\.(?:css|js|svg)\?v=[0-9a-f]{16}")
_LINK = r"[0-9a-f-]{36}\.[0-9]{1,12}\.[0-9a-f]{64}"
_PAGE_LINK = re.compile(
    rf"(?:\.\./|\./)?(?:\./|docs|basis|inspector|statistics|account|services|sign-in)?|#[a-z0-9-]+|{_LINK}"
)
# What htmx does here: the page of the link again, and its stream of events.
_HTMX = {
    "hx-get": re.compile(rf"{_LINK}/content"),
    "hx-sse:connect": re.compile(rf"{_LINK}/events"),
    "hx-trigger": re.compile("answered, every 15s"),
    "hx-swap": re.compile("outerHTML"),
    "hx-sse:close": re.compile("answered"),
    "hx-nonce": re.compile(r"[\w-]{22}"),
}


class _Page(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = base
        self.found: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.found.append(f"an element <{tag}>")
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        if tag == "script" and not {"src", "nonce"} <= {name for name, _ in attrs}:
            self.found.append("a script without an address or a nonce")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on") or name in ("style", "srcset", "formaction", "ping"):
            self.found.append(f"an attribute {name}")
        if name == "action":
            if tag != "form" or not _ACTION.fullmatch(value):
                self.found.append(f"<{tag} action> leads to {value!r}")
            return
        if name == "name" and not _FIELDS.fullmatch(value):
            self.found.append(f"a field that no form of ours has: {value!r}")
        if name.startswith(("hx-", "data-hx-")) and not (
            name in _HTMX and _HTMX[name].fullmatch(value)
        ):
            self.found.append(f"an attribute {name} with {value!r}")
        if tag in ("link", "script", "img") and name in ("src", "href"):
            self.found += [] if _ASSET.fullmatch(value) else [f"<{tag}> loads {value!r}"]
        elif name in ("src", "data", "href"):
            ours = value.startswith((f"{self.base}/", "/", "#")) and not value.startswith("//")
            fit = ours or bool(_PAGE_LINK.fullmatch(value))
            if tag != "a" or not fit:
                self.found.append(f"<{tag} {name}> leads to {value!r}")
        if name == "content" and "url" in value.lower():
            self.found.append("a refresh that leads elsewhere")

    def handle_comment(self, data: str) -> None:
        self.found.append("a comment")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_faults(html: str, base: str) -> list[str]:
    """Elements, attributes and addresses of a page that our templates never write."""
    page = _Page(base)
    page.feed(html)
    page.close()
    return page.found + text_faults("".join(page.text), lines=True)


_FACT = re.compile(r"([A-Z]\d+) \| ")


def prompt_faults(user: str, scaffold: Iterable[str], fact_ids: Iterable[str]) -> list[str]:
    """Lines of a prompt that neither the template wrote nor are one of the facts, each once."""
    known, told = set(scaffold), list(fact_ids)
    found, seen = [], []
    for line in user.split("\n"):
        match = _FACT.match(line)
        if match:
            seen.append(match[1])
            found += ["a fact's line has too many columns"] if line.count("|") > 3 else []
        elif line not in known and not line.startswith(("Patient: ", "Also: ", "Not shown")):
            found.append(f"a line that nobody wrote: {line[:80]!r}")
        found += text_faults(line)
    if sorted(seen) != sorted(told):
        found.append("the facts' lines are not the facts that were to be shown")
    return found
