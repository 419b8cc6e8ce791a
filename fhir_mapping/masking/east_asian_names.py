"""One patient's names in Chinese, Japanese and Korean letters, which know no borders of words.

Names of two letters and more are masked wherever they stand, a shorter one or one that is a word
too only with the rest of the name or before an honorific.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fhir_mapping.masking.identity import is_east_asian
from fhir_mapping.masking.name_words import east_asian_words, variants_of
from fhir_mapping.tables import table

__all__ = ["EastAsianNames", "any_spelling"]

_HIRAGANA = range(0x3041, 0x3097)
_TO_KATAKANA = 0x60
_HANGUL = re.compile("[\uac00-\ud7a3]")
_KANA = re.compile("[\u3041-\u309f\u30a0-\u30ff]+")
_BETWEEN = "[ \u3000・,，]{0,2}"
_SEPARATOR = "[ \u3000・]{1,2}"
_PARTICLES = "이가은는을를의씨님과와도에께양군아야로라한랑"


class EastAsianNames:
    """Finds one patient's names in text."""

    def __init__(self, names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> None:
        paired = [(_joined(f), _joined(g)) for f, g in pairs if is_east_asian(f + g)]
        alone = {part for pair in paired for part in pair}
        alone |= {_joined(name) for name in names if is_east_asian(name)}
        by_length = sorted(filter(None, alone), key=lambda name: (-len(name), name))
        self._whole = _either(choice for pair in paired for choice in _whole(*pair))
        self._alone = _either(choice for name in by_length for choice in _alone(name))

    def mask_whole(self, text: str) -> str:
        """The text with family and given name beside each other as "[patient]"."""
        return text if self._whole is None else self._whole.sub("[patient]", text)

    def mask(self, text: str) -> str:
        """The text with each of the names as "[patient]"."""
        text = self.mask_whole(text)
        return text if self._alone is None else self._alone.sub("[patient]", text)


def _either(choices: Iterable[str]) -> re.Pattern[str] | None:
    found = dict.fromkeys(choices)
    return re.compile("|".join(found)) if found else None


def _joined(name: str) -> str:
    return re.sub(r"[\s,，、・]+", "", name)


def _whole(family: str, given: str) -> Iterator[str]:
    """Family and given name in their order, and turned round where a sign stands between."""
    if not family or not given:
        return
    first, second = any_spelling(family), any_spelling(given)
    if family + given in east_asian_words():
        yield f"{first}{_SEPARATOR}{second}"
        yield rf"(?<=患者){first}{second}|(?<=姓名)[:：]?{first}{second}"
        yield rf"{first}{second}(?={_honorifics()})"
    else:
        border = "(?<![\uac00-\ud7a3])" if _HANGUL.search(family) else ""
        yield rf"{border}{first}{_BETWEEN}{second}"
    yield f"{second}{_SEPARATOR}{first}"


def _alone(name: str) -> Iterator[str]:
    """One name without the other."""
    spelled = any_spelling(name)
    if _HANGUL.search(name):
        yield from _hangul_alone(name, spelled)
        return
    if len(name) > 1 and name not in east_asian_words():
        yield from _kana_alone(name) if _KANA.fullmatch(name) else (spelled,)
    yield rf"{spelled}(?=\s?{_honorifics()})"


def _kana_alone(name: str) -> Iterator[str]:
    """Katakana runs are words; before hiragana only a particle may stand."""
    katakana, hiragana = _katakana(name), _hiragana(name)
    yield rf"(?<![\u30a1-\u30fa\u30fc]){katakana}(?![\u30a1-\u30fa\u30fc])"
    if len(name) > 2:
        yield rf"(?:(?<![\u3041-\u3096])|(?<=[のはがとにもへをで])){hiragana}"


def _hangul_alone(name: str, spelled: str) -> Iterator[str]:
    border = "(?<![\uac00-\ud7a3])"
    if len(name) > 1 and name not in east_asian_words():
        yield rf"{border}{spelled}(?=[^\uac00-\ud7a3]|$|[{_PARTICLES}])"
    yield rf"{border}{spelled}(?=\s?(?:씨|님|선생님)(?![\uac00-\ud7a3]{{3}}))"
    if len(name) > 1:  # "배양" is a culture, not Miss Bae
        after = "(?=[^\uac00-\ud7a3]|$|[은는이가의을를에과와도께])"
        yield rf"{border}{spelled}(?=(?:군|양|환자분|환자){after})"


def _honorifics() -> str:
    return f"(?:{'|'.join(table('titles')['east_asia']['honorifics'])})"


def any_spelling(name: str) -> str:
    """A pattern of a name in its other letters: simplified, traditional, hiragana, katakana."""
    if _KANA.fullmatch(name):
        katakana, hiragana = _katakana(name), _hiragana(name)
        return katakana if katakana == hiragana else f"(?:{katakana}|{hiragana})"
    letters = (variants_of(letter) for letter in name)
    return "".join(re.escape(group) if len(group) == 1 else f"[{group}]" for group in letters)


def _katakana(name: str) -> str:
    return "".join(chr(ord(c) + _TO_KATAKANA) if ord(c) in _HIRAGANA else c for c in name)


def _hiragana(name: str) -> str:
    return "".join(
        chr(ord(c) - _TO_KATAKANA) if ord(c) - _TO_KATAKANA in _HIRAGANA else c for c in name
    )
