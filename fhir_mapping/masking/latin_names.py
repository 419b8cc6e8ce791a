"""One patient's names in letters that are written with blanks between words.

A name is masked wherever it stands, but for one that is part of a disease's name. One that is a
common word too ("Small", "Long") is masked beside another own name, after a title, or where it is
written as a name in the middle of a sentence or before what only a person does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from unicodedata import combining, normalize

from fhir_mapping.masking.eponyms import names_a_disease
from fhir_mapping.masking.identity import is_east_asian
from fhir_mapping.masking.name_words import capitalised, common_words, particles, person_verbs
from fhir_mapping.masking.signs import LETTERS
from fhir_mapping.masking.titles import PATIENT_BEFORE, TITLE_BEFORE

__all__ = ["BOUND_AFTER", "BOUND_BEFORE", "LatinNames", "spellings"]

BOUND_BEFORE = f"(?<![{LETTERS}])"
BOUND_AFTER = f"(?![{LETTERS}])"
_GAP = re.compile(r"(?:[ \t\u00a0]{0,3},?[ \t\u00a0]{0,3}|[ ]?[-–^_][ ]?|,?[ ][A-Z]\.?[ ])$")
_SENTENCE_ENDS = ".!?:;•*>(\n–-/|,"
_NEXT_WORD = re.compile(r"[ \t]+([^\W\d_]+)")
_PREVIOUS_WORD = re.compile(r"([^\W_]+)[ \t]+$")
_LEAST_ALONE = 3


class LatinNames:
    """Finds one patient's names in text."""

    def __init__(self, names: Iterable[str]) -> None:
        words = {word for name in names for word in _words(name)}
        words |= set(_run_together([list(_words(name)) for name in names]))
        self._own = {spelling: word.casefold() for word in words for spelling in _folded(word)}
        self._signs = tuple({spelling.split("'")[0][:4] for spelling in self._own})
        choices = sorted(
            {_pattern(s) for w in words for s in spellings(w)}, key=lambda p: (-len(p), p)
        )
        self._pattern = _one_pattern(choices)

    def mask(self, text: str) -> str:
        """The text with the names as "[patient]"."""
        lowered = text.lower()
        if self._pattern is None or not any(sign in lowered for sign in self._signs):
            return text
        found = list(self._pattern.finditer(text))
        masked = [each for run in _runs(text, found) for each in self._identifying(text, run)]
        at, parts = 0, []
        for each in masked:
            parts += [text[at : each.start()], "[patient]"]
            at = each.end()
        return "".join([*parts, text[at:]])

    def _identifying(self, text: str, run: list[re.Match[str]]) -> list[re.Match[str]]:
        """Of names side by side those that identify: all, if they confirm each other."""
        while run and self._is_particle(run[-1]):
            run = run[:-1]
        while run and self._is_particle(run[0]):
            run = run[1:]
        if not run:
            return []
        if _is_within_compound(text, run):
            return []
        distinct = {self._word(each) for each in run if not self._is_particle(each)}
        start = run[0].start()
        titled = TITLE_BEFORE.search(text, max(0, start - 20), start)
        if len(distinct) > 1 or titled or self._initial_beside(text, run):
            return run
        if run[0][0][0].isupper() and PATIENT_BEFORE.search(text, max(0, start - 20), start):
            return run
        return [each for each in run if not self._is_particle(each) and self._alone(text, each)]

    def _alone(self, text: str, name: re.Match[str]) -> bool:
        word = self._word(name)
        if names_a_disease(text, name.start(), name.end()):
            return False
        if word in common_words() or len(word) < _LEAST_ALONE:
            return len(word) >= _LEAST_ALONE and _is_written_as_name(text, name)
        return True

    def _initial_beside(self, text: str, run: list[re.Match[str]]) -> bool:
        """ "S. Long" and "Long, S." of Sarah Long."""
        initials = {word[0].upper() for word in self._own.values() if word != self._word(run[0])}
        before = re.search(
            r"(?<![^\W_])([A-Z])\.[ ]?$", text[max(0, run[0].start() - 4) : run[0].start()]
        )
        after = re.match(r",[ ]?([A-Z])(?:\.|(?![^\W_]))", text[run[-1].end() : run[-1].end() + 5])
        return any(each is not None and each[1] in initials for each in (before, after))

    def _word(self, name: re.Match[str]) -> str:
        folded = _fold(name[0])
        return self._own.get(folded) or self._own.get(folded.removesuffix("s"), folded)

    def _is_particle(self, name: re.Match[str]) -> bool:
        return self._word(name) in particles()


def _one_pattern(choices: list[str]) -> re.Pattern[str] | None:
    """The names in any case; only they, since sets of letters in any case take long to compile."""
    if not choices:
        return None
    names = f"(?i:{'|'.join(choices)})"
    return re.compile(rf"{BOUND_BEFORE}{names}(?:(?<=[{LETTERS}]{{4}})(?<![sS])s)?{BOUND_AFTER}")


def _runs(text: str, found: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Names that stand side by side, together."""
    run: list[re.Match[str]] = []
    for each in found:
        if run and not _GAP.match(text[run[-1].end() : each.start()]):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _is_within_compound(text: str, run: list[re.Match[str]]) -> bool:
    """Charcot-Marie-Tooth disease is nobody's, Marie Tooth's neither."""
    before = text[max(0, run[0].start() - 2) : run[0].start()]
    linked = len(before) == 2 and before[0].isalpha() and before[1] in "-–"
    return linked and names_a_disease(text, run[-1].start(), run[-1].end())


def _is_written_as_name(text: str, name: re.Match[str]) -> bool:
    """Whether the case of a common word says that it is a name here."""
    word, before = name[0], text[max(0, name.start() - 40) : name.start()]
    if not word[0].isupper() or word.lower() in capitalised():
        return False
    follows = _NEXT_WORD.match(text, name.end())
    next_word = follows[1] if follows else ""
    stripped = before.rstrip(" \t")
    if not stripped or stripped[-1] in _SENTENCE_ENDS:
        return next_word in person_verbs() and not word.isupper()
    previous = _PREVIOUS_WORD.search(before)
    if next_word[:1].isupper() or text[name.end() : name.end() + 1] in "-–'’":
        return (
            text[name.end() : name.end() + 1] == ""
            and previous is not None
            and previous[1].islower()
        )
    return previous is not None and previous[1].islower()


def _words(name: str) -> Iterator[str]:
    for word in re.split(r"[\s,\-‐–/()\"“”]+", name):
        word = word.strip(".,'’")
        if len(word) > 1 and not is_east_asian(word) and not word.isdigit():
            yield word


def _run_together(names: list[list[str]]) -> Iterator[str]:
    """Two names without a blank, and an initial with a name, as in user names and file names."""
    long = ([word for word in name if len(word) > _LEAST_ALONE] for name in names)
    whole = [words[0] for words in long if words][:4]
    for first in whole:
        for second in whole:
            if first != second:
                yield first + second
                yield first[0] + second


def spellings(word: str) -> Iterator[str]:
    """A word as it is typed: "Müller", "Mueller", "Muller"; "Jørgen", "Jorgen"."""
    plain = _unaccented(word)
    digraphs = _translated(word, _DIGRAPHS)
    contracted = word
    for pair, letter in _CONTRACTIONS:
        contracted = contracted.replace(pair, letter)
    yield from dict.fromkeys((word, plain, digraphs, contracted))


_DIGRAPHS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ß": "ss",
        "ø": "oe",
        "Ø": "Oe",
        "å": "aa",
        "Å": "Aa",
        "æ": "ae",
    }
)
_PLAIN = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "İ": "I",
    }
)
_CONTRACTIONS = (("ae", "ä"), ("oe", "ö"), ("ue", "ü"), ("ss", "ß"))


def _unaccented(text: str) -> str:
    decomposed = normalize("NFD", text.translate(_PLAIN))
    return "".join(letter for letter in decomposed if not combining(letter))


def _translated(text: str, letters: dict[int, str]) -> str:
    return _unaccented(text.translate(letters))


def _fold(text: str) -> str:
    return text.casefold().replace("’", "'")


def _folded(word: str) -> Iterator[str]:
    for spelling in spellings(word):
        yield from (
            _fold(spelling),
            _fold(spelling).replace("'", " "),
            _fold(spelling).replace("'", ""),
        )


def _pattern(word: str) -> str:
    return "['’ ]?".join(map(re.escape, re.split("['’]", word)))
