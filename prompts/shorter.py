"""A fact in fewer words, for when not every fact fits in full: its short form, and its name.

What makes a fact another one (refuted, absent, high, stopped) is not in here: a line says it in a
column of its own, whatever form its phrase has.
"""

from __future__ import annotations

import re

from fhir_mapping.chart import Fact, Kind

__all__ = ["name_of", "short_phrase"]

_RESULTS = frozenset({Kind.LAB, Kind.VITAL, Kind.OBSERVATION})
_TEXTS = frozenset({Kind.NOTE, Kind.REPORT})
_DOSED = frozenset({Kind.MEDICATION, Kind.ALLERGY})
_LONGEST = 100
_LONGEST_NAME = 40

_FIRST_OF_COURSE = re.compile(r"\s\S+ -> ")
_AFTER_RESULT = re.compile(r" over \d|, (?:rising|falling|unchanged|lowest|highest)\b|; | \(")
_AFTER_PHRASE = re.compile(r"; | \(|, for ")
_VISIT_REASON = re.compile(r"(?:, for |; diagnosis: )(?P<reason>.+?)(?:, lasted |; diagnosis: |$)")
_VALUE = re.compile(r"\s(?:[<>]=?\s?)?-?\d|: ")


def short_phrase(fact: Fact) -> str:
    """The phrase without ranges, courses, doses, reasons and remarks; of a text its beginning.

    A visit alone keeps its reason, which is what it tells of the patient.
    """
    text = fact.text
    if fact.kind in _TEXTS:
        return _cut(text, _LONGEST)
    if fact.kind is Kind.ENCOUNTER:
        return _cut(text.split(", lasted ")[0], _LONGEST)
    if fact.kind in _RESULTS:
        short = _AFTER_RESULT.split(_FIRST_OF_COURSE.sub(" ", text, count=1), maxsplit=1)[0]
    else:
        short = _AFTER_PHRASE.split(text, maxsplit=1)[0]
        if fact.kind in _DOSED:
            short = short.partition(": ")[0]
    return _cut(short.strip() or text, _LONGEST)


def name_of(fact: Fact) -> str:
    """What the fact is about, without what it says of it; of a visit its reason."""
    short = short_phrase(fact)
    if fact.kind in _RESULTS:
        short = _VALUE.split(short, maxsplit=1)[0] or short
    elif fact.kind in _TEXTS:
        short = short.partition(":")[0] or short
    elif fact.kind is Kind.ENCOUNTER and (said := _VISIT_REASON.search(short)):
        short = said["reason"]
    return _cut(short, _LONGEST_NAME)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    whole_words = text[: limit - 1].rpartition(" ")[0] or text[: limit - 1]
    return f"{whole_words.rstrip(' ,;:')}\u2026"
