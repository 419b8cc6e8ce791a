"""What of an example's identifiers is left in a text, and what of its clinical words is gone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from unicodedata import normalize

from tests.fhir_mapping.deidentification.generator import Planted

_EAST = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_TITLES = {
    "mr",
    "mrs",
    "ms",
    "miss",
    "herr",
    "frau",
    "hr",
    "fr",
    "mme",
    "mlle",
    "madame",
    "monsieur",
    "sr",
    "sra",
    "señora",
    "srta",
    "dña",
    "sig",
    "ra",
    "signora",
    "dona",
    "senhora",
    "dr",
    "med",
    "prof",
    "oa",
    "pd",
    "oberärztin",
    "doctor",
    "docteur",
    "pr",
    "dra",
    "dott",
    "ssa",
    "nurse",
    "md",
    "von",
    "der",
    "de",
    "la",
    "da",
    "das",
    "des",
    "rue",
    "via",
    "viale",
    "calle",
    "avenida",
    "avenue",
    "ave",
    "lane",
    "road",
    "close",
    "rua",
    "no",
    "nhs",
    "mrn",
    "ssn",
    "number",
    "hospital",
    "medical",
    "record",
    "member",
    "id",
    "chi",
    "dni",
    "nhc",
    "nir",
    "ipp",
    "cpf",
    "dossier",
    "kv",
    "nr",
    "fallnummer",
    "patienten",
    "steuer",
    "tessera",
    "sanitaria",
    "codice",
    "fiscale",
    "nosologico",
    "prontuário",
    "cartão",
    "sus",
    "th",
    "of",
    "xj",
    "rx",
}
_SUFFIXES = re.compile(
    r"(様|さん|氏|殿|先生|医師|教授|女士|小姐|某|医生|主任|大夫|씨|님|선생님|환자|은|\(여\)|과장님|교수|，|：|:|姓名|患者番号|カルテ番号|患者ID|保険証番号"
    r"|病历号|身份证号|住院号|등록번호|환자번호|주민등록번호)"
)


def identifying(planted: Planted) -> set[str]:
    """The words and numbers by which its people can be known, in lower case."""
    return {token for each in planted.identifiers for token in _tokens(each)}


def _tokens(identifier: str) -> Iterator[str]:
    text = normalize("NFKC", identifier).lower()
    yield re.sub(r"\s+", " ", text).strip(" ,，")
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) >= _WINDOW:
        yield from (digits[at : at + _WINDOW] for at in range(len(digits) - _WINDOW + 1))
        return
    for word in re.split(r"[\s.,/()'’-]+", _SUFFIXES.sub(" ", text)):
        if word in _TITLES or not word or word.isdigit():
            continue
        if len(word) > 2 or (_EAST.search(word) and len(word) > 1):
            yield word


_WINDOW = 5
"""So many digits of a number, one after another, are a part of it."""


def left_of(tokens: Iterable[str], clinical: Iterable[str], text: str) -> set[str]:
    """The identifying tokens that a text still holds, besides its clinical words."""
    shown = normalize("NFKC", text).lower()
    for phrase in sorted(clinical, key=len, reverse=True):
        shown = shown.replace(normalize("NFKC", phrase).lower(), "¶")
    shown = re.sub(r"\s+", " ", shown)
    numbers = re.sub(r"[ .()/-]", "", shown)
    return {t for t in tokens if (t in numbers if t.isdigit() else _is_present(t, shown))}


def _is_present(token: str, shown: str) -> bool:
    if _EAST.search(token):
        return token in shown
    return re.search(rf"(?<![0-9a-zà-ɏ]){re.escape(token)}(?![0-9a-zà-ɏ])", shown) is not None


def lost(planted: Planted, masked: str) -> list[str]:
    """The clinical phrases that are no longer as they were written."""
    shown = re.sub(r"\s+", " ", masked)
    return [phrase for phrase in planted.clinical if phrase not in shown]
