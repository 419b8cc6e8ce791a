"""Cases whose text gives the answer away."""

from __future__ import annotations

import re

__all__ = ["answer_in_text", "content_words"]

_WORD = re.compile(r"[a-z0-9]+")
# Words of names that are in every text and give nothing away.
_COMMON = frozenset(
    {"and", "acute", "cell", "chronic", "disease", "disorder", "due", "infection", "like", "severe"}
    | {"syndrome", "the", "type", "with"}
)


def content_words(text: str) -> list[str]:
    """The words of a text that carry meaning, in lower case and order."""
    return [w for w in _WORD.findall(text.lower()) if w not in _COMMON and len(w) > 2]


def answer_in_text(answer: str, text: str) -> bool:
    """Whether every telling word of the answer stands in the text."""
    wanted = set(content_words(re.sub(r"\([^()]*\)", " ", answer)))
    return bool(wanted) and wanted <= set(content_words(text))
