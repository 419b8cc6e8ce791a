"""A card as text, as families of CDS clients show it.

By their documentation the CDS Hooks Sandbox shows everything; Epic shows neither labels of
suggestions nor of links but the action's description, one action a suggestion, and only links that
the hospital registered; Oracle Health takes unregistered links away and pops `critical` up.
`python -m tests.cards.clients CARDS.json` prints the cards of a response for each of them.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["FAMILIES", "rendered"]

Family = Literal["sandbox", "epic", "oracle"]
FAMILIES: tuple[Family, ...] = ("sandbox", "epic", "oracle")
_WIDTH = 72
_GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_EPIC_TYPE = "com.epic.cdshooks.card.detail.content-type"


def rendered(card: Mapping[str, Any], family: Family, registered: Collection[str] = ()) -> str:
    """A card of a response, as JSON has it. `registered` are addresses on the client's list."""
    lines = [_head(card, family), *_wrapped(str(card["summary"]), ""), ""]
    lines += _detail(card, family)
    lines += _suggestions(card, family)
    lines += _links(card, family, registered)
    lines.append(f"    {card['source']['label']}")
    return "\n".join(lines)


def _head(card: Mapping[str, Any], family: Family) -> str:
    indicator = str(card["indicator"])
    popup = family == "oracle" and indicator == "critical"
    return f"[{indicator}{', pop-up' if popup else ''}]"


def _detail(card: Mapping[str, Any], family: Family) -> Iterator[str]:
    """Markdown as a reader sees it; Epic takes it for plain text unless an extension says so."""
    markdown = str(card.get("detail", ""))
    kind = card.get("extension", {}).get(_EPIC_TYPE)
    if family == "epic" and kind != "text/markdown":
        yield from markdown.splitlines()
    else:
        yield from _seen(_GFM.parse(markdown))


def _seen(tokens: list[Token]) -> Iterator[str]:
    depth = 0
    for token in tokens:
        depth += {"bullet_list_open": 1, "bullet_list_close": -1}.get(token.type, 0)
        if token.type == "inline":
            text = "".join(child.content or " " * (child.type == "softbreak")
                           for child in token.children or [])  # fmt: skip
            yield from _wrapped(text, "  " * (depth - 1) + "- " if depth else "")
        if token.type in ("paragraph_close", "bullet_list_close") and not depth:
            yield ""


def _wrapped(text: str, lead: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))


def _suggestions(card: Mapping[str, Any], family: Family) -> Iterator[str]:
    for suggestion in card.get("suggestions", []):
        action = suggestion["actions"][0]["description"]
        yield from _wrapped(action if family == "epic" else suggestion["label"], "[+] ")


def _links(card: Mapping[str, Any], family: Family, registered: Collection[str]) -> Iterator[str]:
    for link in card.get("links", []):
        known = any(link["url"].startswith(base) for base in registered)
        if family == "sandbox" or known:
            yield f"-> {link['url'] if family == 'epic' else link['label']}"


if __name__ == "__main__":
    for one in json.loads(Path(sys.argv[1]).read_text("utf-8"))["cards"]:
        for each in FAMILIES:
            print(f"--- {each}\n{rendered(one, each)}\n")
