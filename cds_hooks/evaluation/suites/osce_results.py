"""Results written as text ("7,000 /uL (elevated)", "101 F (38.3 C)") -> FHIR values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cds_hooks.evaluation.suites.charts import quantity

__all__ = [
    "Read",
    "is_report",
    "left_out",
    "name_of",
    "read_pressure",
    "read_result",
    "read_vital",
    "says_nothing",
]

_RESULT = re.compile(
    r"(?P<sign>[<>])?\s*(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"\s*(?P<unit>[^\s\d(),;][^\s(),;]*)?\s*(?:\((?P<remark>[^()]*)\))?\.?"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CELSIUS = re.compile(r"(\d+(?:\.\d+)?)\s*(?:\u00b0\s*C|\u2103)")
_FAHRENHEIT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:\u00b0\s*F|\u2109)")
_PRESSURE = re.compile(r"(\d{2,3})\s*/\s*(\d{2,3})\s*mm\s?Hg")


@dataclass(frozen=True, slots=True)
class Tables:
    """`osce.toml`."""

    left_out: frozenset[str]
    nothing: frozenset[str]
    reports: tuple[str, ...]
    dull: frozenset[str]
    interpretation: Mapping[str, str]
    vitals: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Read:
    """An Observation's name, value element, LOINC code and interpretation code, as far as known."""

    name: str
    value: dict[str, Any]
    loinc: str = ""
    flag: str = ""


@cache
def tables() -> Tables:
    """The shipped tables, read once."""
    raw = tomllib.loads(files(__package__).joinpath("osce.toml").read_text("utf-8"))
    return Tables(
        left_out=frozenset(raw["left_out"]),
        nothing=frozenset(raw["nothing"]),
        reports=tuple(f" {word} " for word in raw["reports"]),
        dull=frozenset(raw["dull"]),
        interpretation=raw["interpretation"],
        vitals=raw["vitals"],
    )


def says_nothing(text: str) -> bool:
    """Whether a text only says that there is nothing to say."""
    return _plain(text) in tables().nothing or not text.strip()


def left_out(path: Sequence[str]) -> bool:
    """Whether a key is the examiner's and not the patient's."""
    return not tables().left_out.isdisjoint(path)


def is_report(path: Sequence[str]) -> bool:
    """Whether a test's result is a text of its own: imaging, a tracing, a biopsy."""
    words = f" {re.sub(r'[^a-z0-9]+', ' ', ' '.join(path).lower())} "
    return any(word in words for word in tables().reports)


def name_of(path: Sequence[str]) -> str:
    """Keys as a name: the last that says something, the one above it in brackets."""
    parts = [" ".join(part.replace("_", " ").split()) for part in path]
    telling = [p for p in parts if p.lower() not in tables().dull] or parts
    if len(telling) == 1:
        return telling[0]
    return f"{telling[-1]} ({telling[-2]})"


def read_result(name: str, text: str) -> Read:
    """A number with its unit where the text is one, else the text; a flag where it says one."""
    found = _RESULT.fullmatch(text.strip())
    remark = (found["remark"] or "") if found else ""
    if found is None or (remark and not _flag(remark)):
        return Read(name, {"valueString": text}, flag=_flag(text))
    value = quantity(float(found["number"].replace(",", "")), found["unit"] or "")
    if found["sign"]:
        value["comparator"] = found["sign"]
    if not value["unit"]:
        del value["unit"]
    return Read(name, {"valueQuantity": value}, flag=_flag(remark))


def read_vital(key: str, text: str) -> Read:
    """A vital sign in its usual unit; Fahrenheit becomes Celsius."""
    known = tables().vitals.get(key)
    if known is None:
        return Read(name_of([key]), {"valueString": text})
    number = _temperature(text) if key == "Temperature" else _first_number(text)
    if number is None:
        return Read(known["name"], {"valueString": text}, known["loinc"], _flag(text))
    value = quantity(number, known["unit"], known["ucum"])
    return Read(known["name"], {"valueQuantity": value}, known["loinc"])


def read_pressure(text: str) -> Read:
    """A blood pressure as the HL7 FHIR profile has it."""
    found = _PRESSURE.search(text)
    if found is None:
        return Read("Blood pressure", {"valueString": text}, "85354-9", _flag(text))
    parts = zip(("8480-6", "8462-4"), ("Systolic", "Diastolic"), found.groups(), strict=True)
    component = [
        {
            "code": {
                "coding": [{"system": "http://loinc.org", "code": code}],
                "text": f"{which} blood pressure",
            },
            "valueQuantity": quantity(float(number), "mmHg", "mm[Hg]"),
        }
        for code, which, number in parts
    ]
    return Read("Blood pressure", {"component": component}, "85354-9")


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")


def _flag(text: str) -> str:
    return tables().interpretation.get(_plain(text), "")


def _temperature(text: str) -> float | None:
    celsius, fahrenheit = _CELSIUS.search(text), _FAHRENHEIT.search(text)
    if celsius:
        return float(celsius[1])
    return round((float(fahrenheit[1]) - 32) / 1.8, 1) if fahrenheit else None


def _first_number(text: str) -> float | None:
    """The number of a text that is about one; more than one is a course, not a value."""
    found = _NUMBER.findall(re.sub(r"\([^()]*\)|kg/m2|/min", "", text))
    return float(found[0]) if len(found) == 1 else None
