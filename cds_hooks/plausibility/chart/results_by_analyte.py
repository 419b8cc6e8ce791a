"""Results of a chart by what they measure: by LOINC code, else by how their name begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cache, lru_cache

from cds_hooks.plausibility.data_files import read_toml
from fhir_mapping.chart import Fact, Kind

__all__ = [
    "RESULT_KINDS",
    "Analyte",
    "Results",
    "analytes",
    "analytes_of",
    "loinc_codes",
    "told_values",
]

_LOINC = "http://loinc.org"
RESULT_KINDS = frozenset({Kind.LAB, Kind.VITAL, Kind.OBSERVATION})
"""The kinds of facts that are results."""
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_FIRST = re.compile(_NUMBER + r"(?:/\d+(?:\.\d+)?)? ->")
_EXTREME = re.compile(r"(?:highest|lowest) " + _NUMBER)
_WORD = re.compile(r"[\s,.:\[(]")
_SPECIMEN = re.compile(
    r" \((?:cerebr|csf|urin|pleura|synov|periton|ascit|stool|fec|sputum|sweat|body fluid|saliva)"
)
"""A name followed by a specimen other than blood is another analyte."""
_OLDEST = float("inf")


@dataclass(frozen=True, slots=True)
class Analyte:
    """Something measured: its LOINC codes, and how its name begins in lower case."""

    id: str
    loinc: frozenset[str]
    names: tuple[str, ...]


@cache
def analytes() -> Mapping[str, Analyte]:
    """The shipped table `data/analytes.toml`, by id."""
    raw = {k: v for k, v in read_toml("analytes.toml").items() if isinstance(v, dict)}
    return {k: Analyte(k, frozenset(v["loinc"]), tuple(v["names"])) for k, v in raw.items()}


@cache
def _by_loinc() -> Mapping[str, frozenset[str]]:
    """A code may be of two analytes, a wider and a narrower one: troponin, and troponin I."""
    found: dict[str, set[str]] = {}
    for analyte in analytes().values():
        for code in analyte.loinc:
            found.setdefault(code, set()).add(analyte.id)
    return {code: frozenset(ids) for code, ids in found.items()}


@cache
def _by_first_word() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """First word of a name -> names that begin so, each with its analyte."""
    found: dict[str, list[tuple[str, str]]] = {}
    for analyte in analytes().values():
        for name in analyte.names:
            found.setdefault(_first_word(name), []).append((name, analyte.id))
    return {word: tuple(names) for word, names in found.items()}


def _first_word(text: str) -> str:
    return _WORD.split(text, maxsplit=1)[0]


class Results:
    """The results among facts, by analyte, the newest first."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._found: dict[str, list[Fact]] = {}
        for fact in facts:
            if fact.kind in RESULT_KINDS:
                for analyte in analytes_of(fact):
                    self._found.setdefault(analyte, []).append(fact)
        for found in self._found.values():
            found.sort(key=_age)

    def of(self, analyte: str, within_days: float | None = None) -> list[Fact]:
        """Results of an analyte; with a limit only those whose age is known and within it."""
        found = self._found.get(analyte, [])
        if within_days is None:
            return list(found)
        return [f for f in found if f.days_ago is not None and f.days_ago <= within_days]


def told_values(fact: Fact) -> list[float]:
    """The value of a fact and, of a series told in one line, its first and extreme values."""
    told = [*_FIRST.findall(fact.text), *_EXTREME.findall(fact.text)]
    return [*([] if fact.value is None else [fact.value]), *map(float, told)]


@lru_cache(maxsize=4096)
def _coded(codes: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*(_by_loinc().get(c, ()) for c in codes))


def loinc_codes(fact: Fact) -> list[str]:
    """The LOINC codes of a fact."""
    return [c.code for c in fact.codes if c.system == _LOINC]


def _age(fact: Fact) -> float:
    return _OLDEST if fact.days_ago is None else fact.days_ago


def analytes_of(fact: Fact) -> Set[str]:
    """The ids of what a result measures; empty for what the table does not know."""
    codes = loinc_codes(fact)
    if codes:
        return _coded(tuple(codes))
    text = fact.text.lower()
    names = _by_first_word().get(_first_word(text), ())
    return {
        a for name, a in names if text.startswith(name) and not _SPECIMEN.match(text, len(name))
    }
