"""Names of anybody that a title goes before or after: the name goes, what its bearer is stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, partial

from fhir_mapping.masking.eponyms import is_eponym
from fhir_mapping.masking.signs import LETTERS
from fhir_mapping.tables import table

__all__ = ["PATIENT_BEFORE", "TITLE_BEFORE", "mask_titled"]

_CAPITAL = "A-ZÀ-ÖØ-ÞĀĆČĎĐĘĚĞĢİĹŁŃŇŐŒŔŘŚŞŠŤŮŰŹŻŽА-ЯΑ-Ω"
_LETTER = f"[{LETTERS}]"
_WORD = rf"(?:[dDlLO]['’])?[{_CAPITAL}]{_LETTER}*(?:['’-]{_LETTER}+)*"
_EAST = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")


def mask_titled(text: str) -> str:
    """The text with such names as "[clinician]" or "[name]"."""
    if any(title in text for title in _signs()):
        text = _clinicians().sub(_kept("[clinician]"), text)
        text = _persons().sub(_person, text)
    if _EAST.search(text):
        for pattern, mask in _east_asian():
            text = pattern.sub(partial(_east, mask=mask), text)
    return text


def _kept(mask: str) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        names = found["names"]
        if names is None:
            return mask
        rest = _after_names(names)
        return mask + rest if rest != names else found[0]

    return replace


def _after_names(names: str) -> str:
    """What follows the names: capitalised nouns that were taken for one."""
    words = re.split(r"(\s+)", names)
    for at in range(0, len(words), 2):
        if words[at] in _not_names():
            return "".join(words[max(0, at - 1) :])
    return ""


def _person(found: re.Match[str]) -> str:
    names = found["names"]
    rest = _after_names(names)
    if rest == names or (found["title"] == "M" and is_eponym(names.split()[0])):
        return found[0]
    return f"{found['written']}[name]{rest}"


def _east(found: re.Match[str], mask: str) -> str:
    name = found["name"]
    if any(name.endswith(word) for word in table("titles")["east_asia"]["generic"]):
        return found[0]
    return mask + found["title"]


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda w: (-len(w), w)))


@cache
def _not_names() -> frozenset[str]:
    return frozenset(table("titles")["not_names"])


@cache
def _signs() -> tuple[str, ...]:
    """What is in every text with a title."""
    titles = table("titles")
    words = {*titles["clinicians"], *titles["persons"], "M"}
    short = {f"{word}{end}" for word in words if len(word) < 4 for end in " ."}
    long = {word for word in words if len(word) > 3}
    return (
        *sorted(short | long),
        " MD",
        " RN",
        " DO",
        " NP",
        " PA-C",
        "M.D.",
        "MBBS",
        "FRCP",
        "Fach",
    )


@cache
def _clinicians() -> re.Pattern[str]:
    titles = table("titles")
    glue = rf"(?:(?:{_any(titles['particles'])})[ ]+){{0,3}}"
    one = rf"(?:(?:[{_CAPITAL}]\.[ ]?)*{glue}{_WORD})"
    clinicians, parts = _any(titles["clinicians"]), _any(titles["parts"])
    before = rf"(?:(?:{_any([*titles['parts'], *titles['clinicians']])})\.?[ ]*){{0,6}}"
    after = rf"(?:(?:{parts})\b\.?[ ]*){{0,4}}(?<=[ .])(?!\[)"
    names = rf"(?P<names>{one}(?:[ ]+{one}){{0,2}})"
    behind = (
        rf"{_WORD}(?:[ ]+[{_CAPITAL}]\.)?[ ]+{_WORD},?[ ]+(?:{'|'.join(titles['after'])})(?!\w)"
    )
    return re.compile(
        rf"(?<![^\W_])(?:{before}(?<![^\W_])(?:{clinicians})\b\.?[ ]*{after}{names}|{behind})"
    )


@cache
def _persons() -> re.Pattern[str]:
    titles = table("titles")
    glue = rf"(?:(?:{_any(titles['particles'])})[ ]+){{0,3}}"
    return re.compile(
        rf"(?<![^\W_])(?P<written>(?P<title>{_any(titles['persons'])}|M(?=\.))\.?[ ]+)(?!\[)"
        rf"(?!(?:{_any(titles['clinicians'])})(?![^\W_]))"
        rf"(?P<names>(?:[{_CAPITAL}]\.[ ]?)*{glue}{_WORD}(?:[ ]+{glue}{_WORD})?)"
    )


_TITLES = _any([*table("titles")["clinicians"], *table("titles")["persons"]])
TITLE_BEFORE = re.compile(rf"(?<![^\W_])(?:{_TITLES}|M\.)\.?\s+$")
"""A title at the end of a text."""

PATIENT_BEFORE = re.compile(
    r"(?<![^\W_])(?:[Pp]at|[Pp]t|[Pp]z|[Pp]cte|[Pp]ac|[Ff]am|[Pp]atient(?:in|en|e)?|[Pp]aciente"
    r"|[Pp]aziente|[Ff]amilie|[Nn]ame)\.?:?\s+$"
)
"""A word that a patient's name follows."""


@cache
def _east_asian() -> list[tuple[re.Pattern[str], str]]:
    east = table("titles")["east_asia"]
    chinese = rf"(?P<name>[{east['chinese_families']}][\u4e00-\u9fff]{{0,2}}?)"
    japanese = r"(?<![\u4e00-\u9fff々])(?P<name>[\u4e00-\u9fff々]{1,4}?)"
    korean = rf"(?<![\uac00-\ud7a3])(?P<name>[{east['korean_families']}][\uac00-\ud7a3]{{1,2}})[ ]?"
    shapes = [
        (japanese, east["japanese_clinicians"], "[clinician]"),
        (chinese, east["chinese_clinicians"], "[clinician]"),
        (japanese, east["japanese_persons"], "[name]"),
        (chinese, east["chinese_persons"], "[name]"),
        (korean, east["korean_clinicians"], "[clinician]"),
        (korean, east["korean_persons"], "[name]"),
    ]
    return [(re.compile(f"{name}(?P<title>{_any(words)})"), mask) for name, words, mask in shapes]
