"""One patient's addresses, numbers and codes, as they were sent and as they are usually typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from fhir_mapping.masking.east_asian_names import any_spelling
from fhir_mapping.masking.identity import LEAST_DIGITS, Identity, is_east_asian
from fhir_mapping.masking.latin_names import BOUND_AFTER, BOUND_BEFORE, spellings
from fhir_mapping.masking.name_words import weak_towns
from fhir_mapping.tables import table

__all__ = ["Contacts", "Places"]

_LEAST_CODE = 5
"""Shorter postal codes are numbers of results too; they are masked beside the town or state."""


class Contacts:
    """Telephone numbers, e-mail addresses and identifiers of one patient."""

    def __init__(self, identity: Identity) -> None:
        values = sorted(set(identity.numbers), key=lambda v: (-len(v), v))
        choices = dict.fromkeys(choice for value in values for choice in _of_value(value))
        self._pattern = (
            re.compile(rf"(?<!\w)(?:{'|'.join(choices)})(?!\w)", re.IGNORECASE) if choices else None
        )
        self._signs = tuple({_sign(value) for value in values})

    def mask(self, text: str) -> str:
        """The text with them as "[patient]"."""
        if self._pattern is None or not any(sign in text.lower() for sign in self._signs):
            return text
        return self._pattern.sub("[patient]", text)


def _sign(value: str) -> str:
    """What is in every text, in lower case, that holds this value."""
    first = value.split()[0].lower()
    return first if first[:1].isalpha() else next((c for c in first if c.isdigit()), first)


def _of_value(value: str) -> Iterator[str]:
    digits = re.sub(r"[^0-9]", "", value)
    if len(digits) < LEAST_DIGITS or any(map(str.isalpha, value)):
        yield r"\s+".join(map(re.escape, value.split()))
        return
    yield r"[\s().+/-]{0,3}".join(digits)


class Places:
    """The addresses of one patient."""

    def __init__(self, identity: Identity) -> None:
        weak = [town for town in identity.towns if town.lower() in weak_towns()]
        streets = [c for line in identity.streets for c in _of_street(line)]
        codes = [c for code in identity.postal_codes for c in _of_code(code, identity)]
        self._streets = _either([*streets, *codes])
        self._towns = _either(
            [c for town in identity.towns if town not in weak for c in _of_town(town)]
        )
        self._weak = _weak_towns(weak)
        places = (*identity.streets, *identity.towns, *identity.postal_codes)
        typed = {form for place in places for form in spellings(_core(place) or place)} - {""}
        self._signs = tuple({max(form.split(), key=len)[:3].lower() for form in typed})

    def mask(self, text: str) -> str:
        """The text with them as "[address]"."""
        lowered = text.lower()
        if text.isascii() and not any(sign in lowered for sign in self._signs):
            return text
        if self._streets is not None:
            text = self._streets.sub("[address]", text)
        for towns in filter(None, (self._towns, self._weak)):
            text = towns.sub(_unless_disease, text)
        return text


def _unless_disease(found: re.Match[str]) -> str:
    """ "Glasgow Coma Scale" stays for who lives in Glasgow."""
    before = found.groupdict().get("before") or ""
    follows = _disease_after().match(found.string, found.end())
    return found[0] if follows else f"{before}[address]"


def _either(choices: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(dict.fromkeys(choices))) if choices else None


def _weak_towns(towns: list[str]) -> re.Pattern[str] | None:
    """A town whose name is a word too: capitalised, after a word of place."""
    names = "|".join(
        re.escape(form) for town in towns for form in (town, town.capitalize()) if form
    )
    words = "|".join(map(re.escape, table("name_words")["place_words"]))
    before = rf"(?<!\w)(?P<before>(?:{words})[ ])"
    return _either([rf"{before}(?:{names}){BOUND_AFTER}"] if names else [])


def _core(line: str) -> str:
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", line)


def _of_street(line: str) -> Iterator[str]:
    if len(line) < 4:
        return
    whole = r"[\s,]+".join(map(re.escape, re.split(r"[\s,]+", line)))
    yield rf"(?<!\w)(?i:{whole})(?!\w)" if not is_east_asian(line) else whole
    core = _core(line)
    if is_east_asian(core):
        if len(core) > 2:
            yield rf"{re.escape(core)}(?:[0-9]+(?:[-－丁目番地号번地]+[0-9]*)*)?"
        return
    typed = _street_types(core)
    if typed:
        before, after = (
            r"(?:(?<![0-9])[0-9]{1,5}[a-z]?,?[ ])?",
            r"\.?(?:,?[ ][0-9]{1,4}[a-z]?(?![0-9]))?",
        )
        yield rf"{before}{BOUND_BEFORE}(?i:{typed}){BOUND_AFTER}{after}"


@cache
def _types() -> tuple[tuple[str, str], ...]:
    """Each type of street, longer words first, with a pattern of its other spellings."""
    groups = [frozenset(group) for group in table("name_words")["street_types"]]
    words = sorted({word for group in groups for word in group}, key=lambda w: (-len(w), w))
    same = {word: frozenset().union(*(g for g in groups if word in g)) for word in words}
    return tuple((word, f"(?:{_alternatives(same[word])})") for word in words)


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda w: (-len(w), w)))


def _street_types(core: str) -> str | None:
    """The pattern of a street's name with the spellings of its type, or None without a type."""
    words = core.split()
    for word, pattern in _types():
        if len(words) > 1 and words[-1].lower().rstrip(".") == word:
            return r"\s+".join([*map(re.escape, words[:-1]), pattern])
        if len(words) > 1 and words[0].lower().rstrip(".") == word:
            return r"\s+".join([pattern + r"\.?", *map(re.escape, words[1:])])
        if (
            (len(word) > 3 or word == "str")
            and core.lower().rstrip(".").endswith(word)
            and len(core) > len(word) + 2
        ):
            return re.escape(core.rstrip(".")[: -len(word)]) + pattern
    return None


def _of_town(town: str) -> Iterator[str]:
    if is_east_asian(town):
        base = re.sub("[市区區町村县縣省郡시구군]$", "", town)
        if len(base) > 1:
            yield any_spelling(base) + "[市区區町村县縣省郡시구군]?"
        elif len(town) > 1:
            yield any_spelling(town)
        return
    if len(town) < 3:
        return
    spelled = "|".join(
        r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", s))) for s in spellings(town)
    )
    yield rf"{BOUND_BEFORE}(?i:{spelled}){BOUND_AFTER}"


@cache
def _disease_after() -> re.Pattern[str]:
    eponyms = table("eponyms")
    heads = [*eponyms["heads"], *eponyms["heads_of_listed"], *eponyms["heads_of_towns"]]
    latin = "|".join(re.escape(h) for h in sorted(heads, key=len, reverse=True) if h.isascii())
    return re.compile(rf"['’]?s?[\s-]{{1,2}}(?:{latin})(?![^\W_])", re.IGNORECASE)


def _of_code(code: str, identity: Identity) -> Iterator[str]:
    compact = re.sub(r"[\s-]", "", code)
    if len(compact) < 3:
        return
    written = r"[\s-]?".join(map(re.escape, compact))
    if len(compact) >= _LEAST_CODE or not compact.isdigit():
        yield rf"(?<!\w)(?i:{written})(?!\w|[.,/][0-9])"
        return
    beside = [p for p in (*identity.towns, *identity.states) if len(p) > 1]
    for place in beside:
        yield rf"(?<!\w){written}(?=,?[ ]{re.escape(place)}(?!\w))"
        yield rf"(?<={re.escape(place)}[ ]){written}(?!\w)"
