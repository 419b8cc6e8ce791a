"""Plus and minus with blanks around them: "- fever, + cough" and "Cough -, fever +".

A minus counts only where a text has a plus too; a dash alone is a bullet or a break.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_mapping.context.marks import ALL, VALUE, CueMarks, CuePlace
from fhir_mapping.context.phrases import Cue
from fhir_mapping.context.tokens import Token

__all__ = ["side_of_signs", "spaced_sign"]

_SIGNS = frozenset("-\u2013\u2212+")
_CLOSING = frozenset(",;.)]!|\n\u2022")
_OPENING = frozenset(":,;.([|\n")
_ONWARDS = Cue("absent", after=True, items=True)
_BACK = Cue("absent", after=False)


def side_of_signs(found: Sequence[Token], low: str) -> str:
    """ "before" or "behind" the findings, by the first spaced sign of a text, '' for neither."""
    keys = [token.key for token in found]
    signs = [n for n, key in enumerate(keys) if key in _SIGNS and _is_spaced(found, low, n)]
    if not any(keys[n] == "+" for n in signs):
        return ""
    first, last = signs[0], signs[-1]
    if first == 0 or keys[first - 1] in _OPENING:
        return "before"
    if all(keys[n] == "+" for n in signs):
        return ""
    return "behind" if last + 1 == len(keys) or keys[last + 1] in _CLOSING else ""


def _is_spaced(found: Sequence[Token], low: str, at: int) -> bool:
    """Whether a sign stands apart from what comes before, and from a word behind it."""
    start, end = found[at].start, found[at].end
    return (not start or low[start - 1].isspace()) and not low[end : end + 1].isalnum()


def spaced_sign(side: str, keys: Sequence[str], at: int, marks: CueMarks) -> int:
    """The end of a sign that stands on this side of its finding, or 0."""
    if keys[at] not in _SIGNS:
        return 0
    following = keys[at + 1] if at + 1 < len(keys) else ","
    if (side == "before") is not following[0].isalpha():
        return 0
    marks.used[at] = 1
    marks.ends[at] |= ALL if side == "before" else VALUE
    if keys[at] != "+":
        marks.cues.append(CuePlace(at, at + 1, (_ONWARDS if side == "before" else _BACK,)))
    return at + 1
