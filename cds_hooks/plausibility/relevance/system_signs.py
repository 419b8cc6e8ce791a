"""For which organ systems, and classes of disease, a fact speaks: results, words, drugs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from cds_hooks.plausibility.chart.results_by_analyte import analytes_of, loinc_codes
from cds_hooks.plausibility.data_files import data_file
from cds_hooks.plausibility.relevance.organ_systems import systems
from cds_hooks.plausibility.relevance.table_files import (
    RelevanceError,
    read_table,
    refuse_unknown_keys,
    text_list,
)
from fhir_mapping.chart import Fact, Flag, Kind

__all__ = ["is_general", "load", "of_drug", "of_finding", "of_result", "of_words"]

_KINDS = frozenset({Kind.LAB, Kind.VITAL, Kind.OBSERVATION})
_HEAD = ("version", "source", "looked_up", "general")
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Measurement:
    """The systems that an abnormal result speaks for: by side, and of whichever side."""

    high: frozenset[str]
    low: frozenset[str]
    any: frozenset[str]

    def of(self, side: str) -> frozenset[str]:
        """Of "high", "low", or "abnormal" where the side is not known."""
        if side == "high":
            return self.high | self.any
        return self.low | self.any if side == "low" else self.high | self.low | self.any


def of_result(fact: Fact) -> frozenset[str] | None:
    """The systems of an abnormal result; None when nothing is known of what was measured."""
    if fact.kind not in _KINDS or fact.flag is None or not fact.is_abnormal:
        return None
    found = [_measurements()[m] for m in _measured(fact) if m in _measurements()]
    if not found:
        return None
    return frozenset().union(*(m.of(_side(fact.flag)) for m in found))


def of_finding(finding: str) -> frozenset[str]:
    """The systems of a finding by its id: of a result by what is measured, else by its words."""
    analyte, _, way = finding.rpartition("-")
    if analyte in _measurements() and way in ("high", "low", "abnormal", "positive"):
        return _measurements()[analyte].of(way)
    return of_words(finding.replace("-", " ")) or _NOTHING


def is_general(finding: str) -> bool:
    """Whether a finding tells a kind of disease, or how a symptom is, and never which disease."""
    return finding in _general() or finding.rpartition("-")[0] in _general()


@lru_cache(maxsize=4096)
def of_words(text: str) -> frozenset[str] | None:
    """The systems that the words of a text speak for; None when it has none of the table's."""
    plain = text.lower().strip()
    if plain in _whole():
        return _whole()[plain]
    hits = {hit.group(1) for hit in _phrase().finditer(f" {plain} ")}
    if not hits:
        return None
    return frozenset().union(*(_phrases()[h] for h in hits))


@lru_cache(maxsize=4096)
def of_drug(text: str) -> frozenset[str] | None:
    """The systems of what a drug is given for or known to harm; None for a drug not listed."""
    words = re.findall(r"[a-z]+", text.lower())
    plain = text.lower()
    found = [c for c in _drugs() if c.holds(plain, words)]
    return frozenset().union(*(c.systems for c in found)) if found else None


def _side(flag: Flag) -> str:
    return "high" if flag.is_high else "low" if flag.is_low else "abnormal"


def _measured(fact: Fact) -> Iterable[str]:
    known = analytes_of(fact)
    if known:
        return known
    codes, text = loinc_codes(fact), fact.text.lower()
    by_code = [_own_codes()[c] for c in codes if c in _own_codes()]
    return by_code or [own for name, own in _own_names() if text.startswith(name)]


@cache
def _raw_measurements() -> dict[str, Any]:
    file = data_file("systems", "measurements.toml")
    return {k: v for k, v in read_table(file).items() if k not in _HEAD}


@cache
def _general() -> frozenset[str]:
    return frozenset(read_table(data_file("systems", "measurements.toml"))["general"])


@cache
def _measurements() -> Mapping[str, Measurement]:
    """What is measured -> systems. Raises RelevanceError."""
    found: dict[str, Measurement] = {}
    for name, raw in _raw_measurements().items():
        if name != "group":
            refuse_unknown_keys(
                raw, ("names", "loinc", "high", "low", "any"), f"measurements.toml: {name}"
            )
            found[name] = _measurement(raw, name)
    for raw in _raw_measurements().get("group", []):
        refuse_unknown_keys(raw, ("analytes", "high", "low", "any"), "measurements.toml: group")
        for name in raw["analytes"]:
            found[name] = _joined(found.get(name), _measurement(raw, name))
    return found


def _measurement(raw: Mapping[str, Any], name: str) -> Measurement:
    where = f"measurements.toml: {name}"
    return Measurement(*(_known(raw.get(k, []), where) for k in ("high", "low", "any")))


def _joined(one: Measurement | None, other: Measurement) -> Measurement:
    if one is None:
        return other
    return Measurement(one.high | other.high, one.low | other.low, one.any | other.any)


def _known(raw: Any, where: str) -> frozenset[str]:
    told = frozenset(text_list(raw, where))
    if unknown := told - systems().keys():
        raise RelevanceError("unknown system", where=f"{where}: {min(unknown)}")
    return told


@cache
def _own_codes() -> Mapping[str, str]:
    return {
        code: k
        for k, v in _raw_measurements().items()
        if k != "group"
        for code in v.get("loinc", ())
    }


@cache
def _own_names() -> tuple[tuple[str, str], ...]:
    rows = _raw_measurements().items()
    return tuple((name, k) for k, v in rows if k != "group" for name in v.get("names", ()))


@cache
def _phrases() -> Mapping[str, frozenset[str]]:
    """Phrase -> systems. Raises RelevanceError."""
    return _read_words("words")


@cache
def _whole() -> Mapping[str, frozenset[str]]:
    """Texts that say nothing else -> systems."""
    return _read_words("whole")


def _read_words(part: str) -> Mapping[str, frozenset[str]]:
    raw = read_table(data_file("systems", "words.toml"))
    refuse_unknown_keys(raw, ("version", "source", "looked_up", "words", "whole"), "words.toml")
    found: dict[str, frozenset[str]] = {}
    for row in raw[part]:
        refuse_unknown_keys(row, ("phrases", "systems"), "words.toml")
        for phrase in text_list(row["phrases"], "words.toml"):
            found[phrase] = found.get(phrase, _NOTHING) | _known(row["systems"], phrase)
    return found


@cache
def _phrase() -> re.Pattern[str]:
    """Every phrase at the beginning of a word, also within another one that is longer."""
    longest = sorted(_phrases(), key=len, reverse=True)
    return re.compile(rf"(?=(?<![a-z])({'|'.join(map(re.escape, longest))}))")


@dataclass(frozen=True, slots=True)
class DrugClass:
    """Drugs by the beginnings and ends of their names, with the systems they speak for."""

    words: tuple[str, ...]
    endings: tuple[str, ...]
    systems: frozenset[str]

    def holds(self, text: str, words: Iterable[str]) -> bool:
        """Whether the text, or one of its words, is one of these."""
        named = any(f" {w}" in f" {text}" for w in self.words)
        return named or any(w.endswith(self.endings) for w in words if self.endings)


@cache
def _drugs() -> tuple[DrugClass, ...]:
    """The classes of `data/systems/drugs.toml`. Raises RelevanceError."""
    raw = read_table(data_file("systems", "drugs.toml"))
    refuse_unknown_keys(raw, ("version", "source", "looked_up", "class"), "drugs.toml")
    return tuple(_drug_class(r) for r in raw["class"])


def _drug_class(raw: dict[str, Any]) -> DrugClass:
    where = f"drugs.toml: {raw.get('id', '?')}"
    refuse_unknown_keys(raw, ("id", "words", "endings", "systems"), where)
    words, endings = (text_list(raw.get(k, []), where) for k in ("words", "endings"))
    return DrugClass(words, endings, _known(raw["systems"], where))


def load() -> None:
    """Read the tables of this module. Raises RelevanceError."""
    for read_ in (_measurements, _own_codes, _own_names, _phrase, _whole, _drugs):
        read_()
