"""Where cues stand in a text, and where the reach of one ends."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_mapping.context.cues import Lexicon
from fhir_mapping.context.marks import (
    ALL,
    CLAUSE,
    COMMA,
    HARD,
    PERSON,
    SEMICOLON,
    VALUE,
    CueMarks,
    CuePlace,
)
from fhir_mapping.context.phrases import Cue, PhraseMatch
from fhir_mapping.context.signs import side_of_signs, spaced_sign
from fhir_mapping.context.tokens import Token

__all__ = ["mark"]

_ENDS = {"end-all": ALL, "end-clause": CLAUSE, "end-person": PERSON}
_SENTENCE_ENDS = frozenset("!\n\u2022|\u3002\uff01")
_COMMAS = frozenset(",\u3001\uff0c")
_SEMICOLONS = frozenset(";\uff1b")
_CLOSING = frozenset(",;.)]!|\n\u2022")
_VALUE_MARKS = frozenset((":", "=", "?", "-", "\u2013", "("))
_SIGNS = frozenset(("(-)", "-@", "(+)", "+@"))
_SPACED = frozenset("-\u2013")
_ASKED_AFTER = Cue("uncertain", after=True, words=8)
_ASKED_BEFORE = Cue("uncertain", after=False)
_LONGEST_LABEL = 5
_DENIED = Cue("absent", after=False, lists=True)
_SIGN = Cue("absent", after=True, items=True)


def mark(found: Sequence[Token], low: str, lexicon: Lexicon) -> CueMarks:
    """Finds all cues and ends from left to right, none within another."""
    keys = [token.key for token in found]
    marks = CueMarks([], [0] * len(keys), bytearray(len(keys)))
    side = side_of_signs(found, low) if "+" in low else ""
    at = 0
    while at < len(keys):
        key = keys[at]
        if key not in lexicon.firsts and key[0].isalnum():  # most words are no cue
            at += 1
            continue
        end = (
            _value(keys, found, low, at, lexicon, marks)
            or _query(keys, found, low, at, marks)
            or (side and spaced_sign(side, keys, at, marks))
            or _phrase(keys, at, lexicon, marks)
        )
        if not end:
            marks.ends[at] = _punctuation(found[at], low)
            end = at + 1
        at = end
    return marks


def _phrase(keys: Sequence[str], at: int, lexicon: Lexicon, marks: CueMarks) -> int:
    match = lexicon.phrases.at(keys, at)
    if match is None:
        return _sign(keys, at, marks) if keys[at] in _SIGNS else 0
    end = at + match.size
    if match.may_lack and _lacks(match, keys, at, lexicon, marks):
        marks.ends[at] |= CLAUSE if at else 0  # "denies fever, no appetite"
        return end
    _take(match, at, end, marks)
    if match.begins and at and keys[at - 1] in lexicon.separators:
        marks.ends[at] |= CLAUSE  # "denies fever, worried about ...", "no pain, unable to walk"
    return end


def _lacks(
    match: PhraseMatch, keys: Sequence[str], at: int, lexicon: Lexicon, marks: CueMarks
) -> bool:
    """Whether a denial is the finding itself ("no urine", "pulse absent", "never felt so bad").

    What goes on with "or" after it is denied all the same ("no appetite, fever or chills").
    """
    end, known = at + match.size, lexicon.lacks
    if match.never and known.is_surpassed(keys, end):
        return True
    lacking = known.end_of(keys, end) if match.onwards else 0
    if lacking:
        if known.goes_on(keys, lacking):
            marks.cues.append(CuePlace(at, lacking, match.onwards))
        return True
    if match.onwards and match.negates and known.is_function(keys, end):
        return True
    return match.both_ways and known.is_before(keys, at, marks.ends)


def _query(keys: Sequence[str], found: Sequence[Token], low: str, at: int, marks: CueMarks) -> int:
    """ "?stroke", "stroke?": asked of what follows at once, else of what stands before."""
    if keys[at] != "?":
        return 0
    begins = at == 0 or bool(marks.ends[at - 1]) or keys[at - 1] in "(["
    if begins or low[found[at].end : found[at].end + 1].isalpha():
        marks.cues.append(CuePlace(at, at + 1, (_ASKED_AFTER,)))
    else:
        marks.cues.append(CuePlace(at, at + 1, (_ASKED_BEFORE,)))
        marks.ends[at] |= HARD
    marks.used[at] = 1
    return at + 1


def _take(match: PhraseMatch, at: int, end: int, marks: CueMarks) -> None:
    if "pseudo" in match.roles:
        return
    if match.cues:
        marks.cues.append(CuePlace(at, end, match.cues))
    for role in match.roles:
        marks.ends[at] |= _ENDS[role]
    if all(cue.effect != "other" for cue in match.cues):  # an exposure is something itself
        for place in range(at, end):
            marks.used[place] = 1


def _sign(keys: Sequence[str], at: int, marks: CueMarks) -> int:
    """ "(-) fever", "fever (-)", "-fever": a plus ends what a minus began."""
    marks.used[at] = 1
    marks.ends[at] |= ALL
    if keys[at] in ("(-)", "-@"):
        marks.cues.append(CuePlace(at, at + 1, (_SIGN, _DENIED) if keys[at] == "(-)" else (_SIGN,)))
    return at + 1


def _punctuation(token: Token, low: str) -> int:
    key = token.key
    if key in _SENTENCE_ENDS:
        return HARD
    if key in _COMMAS:
        return COMMA
    if key in _SEMICOLONS:
        return SEMICOLON
    if key in (".", "?") and (token.end == len(low) or low[token.end].isspace()):
        return HARD
    return 0


def _value(
    keys: Sequence[str],
    found: Sequence[Token],
    low: str,
    at: int,
    lexicon: Lexicon,
    marks: CueMarks,
) -> int:
    """The end of a value that begins with its mark here (": no"), or 0."""
    if keys[at] not in _VALUE_MARKS or at + 1 >= len(keys) or not _separates(found[at], low):
        return 0
    match = lexicon.values.at(keys, at + 1)
    if match is None:
        return 0
    end = at + 1 + match.size
    if not _closes(keys, end, bracketed=keys[at] == "("):
        return 0
    if "deny" in match.roles and not _is_lack(keys, at, end, lexicon, marks):
        marks.cues.append(CuePlace(at, end, (_DENIED,)))
    marks.ends[at] |= VALUE
    for place in range(at, end):
        marks.used[place] = 1
    return end


def _is_lack(keys: Sequence[str], at: int, end: int, lexicon: Lexicon, marks: CueMarks) -> bool:
    """Whether a value tells that a thing is lacking ("urine output: none")."""
    known = lexicon.lacks
    return tuple(keys[at + 1 : end]) in known.values and known.is_before(keys, at, marks.ends)


def _separates(token: Token, low: str) -> bool:
    """A dash separates with a blank on both sides; other marks always do."""
    if token.key not in _SPACED:
        return True
    return low[token.start - 1 : token.start].isspace() and low[token.end : token.end + 1].isspace()


def _closes(keys: Sequence[str], end: int, *, bracketed: bool) -> bool:
    """Whether a value ends here, or the next has its label here ("Fever: no Cough: yes")."""
    if bracketed:
        return keys[end : end + 1] == [")"]
    if end >= len(keys) or keys[end] in _CLOSING:
        return True
    for key in keys[end : end + _LONGEST_LABEL]:
        if key == ":":
            return True
        if not key[0].isalpha():
            return False
    return False
