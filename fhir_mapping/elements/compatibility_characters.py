"""Compatibility characters of PDF text and East Asian keyboards, as what they stand for.

Only whole blocks whose characters mean the same in any text: radicals and compatibility ideographs,
full-width letters and digits, half-width kana. Not all of NFKC, which makes "103" of "10³".
Source: https://www.unicode.org/charts/ (the blocks), https://www.unicode.org/reports/tr15/ (NFKC).
"""

from __future__ import annotations

import re
from unicodedata import normalize

__all__ = ["unfolded"]

_BLOCKS = re.compile(
    "[\u2e80-\u2fdf\uf900-\ufaff\uff10-\uff19\uff20-\uff3a\uff3f\uff41-\uff5a\uff66-\uff9f"
    "\U0002f800-\U0002fa1f]+"
)
_SIGN_OF_NUMBER = re.compile(
    r"(?<=[0-9)])[．－／＋](?=[0-9(])|＋(?=[0-9])|（[0-9]{1,6}）(?=[ －-]?[0-9])"
)
"""Full-width signs stay, but for those within a number."""


def unfolded(text: str) -> str:
    """The text with the characters of those blocks replaced by the usual ones."""
    text = _BLOCKS.sub(lambda found: normalize("NFKC", found[0]), text)
    return _SIGN_OF_NUMBER.sub(lambda found: normalize("NFKC", found[0]), text)
