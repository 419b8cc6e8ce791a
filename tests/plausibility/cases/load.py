"""Cases with known answers, read from TOML and checked to the last key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

__all__ = [
    "CLAIMS",
    "DATA",
    "LABELS",
    "NAMES",
    "Case",
    "CaseError",
    "Entry",
    "Vitals",
    "load",
    "load_file",
]

DATA = Path(__file__).with_name("data")
NAMES = "names.toml"
"""Beside the cases: names of diagnoses with their right categories, not cases."""
LABELS = "labels.toml"
"""Beside the cases: a reader's labels of entries of real models."""

CLAIMS = frozenset({"high", "low", "abnormal", "normal", "present", "absent"})

AGE = r"\d+(\.\d+)? (d|wk|mo|y)"
AGO = r"-\d+(\.\d+)? (min|h|d|wk|mo|y)"
LOINC = r"\d{1,7}-\d"

_Row = TypeVar("_Row", bound=tuple[str | float, ...])


class CaseError(ValueError):
    """A file of cases that is not to its form: which file, which case, what, where."""

    def __init__(self, path: Path, case: str, what: str) -> None:
        super().__init__(f"{path}: {case or 'the file'}: {what}")


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _citation(text: str) -> str:
    words, _, claim = text.rpartition(":")
    if not words.strip() or claim not in CLAIMS:
        raise ValueError(f"a citation is 'text:claim' with a claim of {', '.join(sorted(CLAIMS))}")
    return text


def _lab(row: tuple[str | float, ...]) -> tuple[str | float, ...]:
    if len(row) not in (5, 6):
        raise ValueError("a laboratory result is text, LOINC, value, unit, range and perhaps when")
    text, code, value, unit, limits = row[:5]
    if not all(isinstance(part, str) for part in (text, code, unit, limits)):
        raise ValueError("text, LOINC, unit and range of a laboratory result are strings")
    if not re.fullmatch(LOINC, str(code)):
        raise ValueError("the second part of a laboratory result is its LOINC code")
    if not re.fullmatch(r"[<>]?=?-?\d+(\.\d+)?", str(value)):
        raise ValueError("the value of a laboratory result is a number, perhaps with < or >")
    if not re.fullmatch(r"|(\d+(\.\d+)?)?-(\d+(\.\d+)?)?", str(limits)) or limits == "-":
        raise ValueError("a range is 'low-high', '-high', 'low-' or empty")
    return _dated(row, 6)


def _result(row: tuple[str, ...]) -> tuple[str, ...]:
    coded = len(row) > 1 and re.fullmatch(LOINC, row[1]) is not None
    least = 3 if coded else 2
    if len(row) not in (least, least + 1):
        raise ValueError("a result is name, text or name, LOINC, value, and perhaps when")
    return _dated(row, least + 1)


def _dated(row: _Row, full: int) -> _Row:
    if len(row) == full and not re.fullmatch(AGO, str(row[-1])):
        raise ValueError("the last part says when: '-2 d'")
    return row


Citation = Annotated[str, AfterValidator(_citation)]
Lab = Annotated[tuple[str | float, ...], AfterValidator(_lab)]
Result = Annotated[tuple[str, ...], AfterValidator(_result)]


class Entry(_Form):
    """A diagnosis that a model may propose, with facts cited by a text and the claim of each."""

    name: str = Field(min_length=2)
    cites: tuple[Citation, ...] = Field(alias="for", min_length=1)
    against: tuple[Citation, ...] = ()


class Vitals(_Form):
    """Vital signs of today: /min, mm[Hg], %, Cel, points, kg, cm, L/min of oxygen."""

    hr: float | None = None
    bp: str | None = Field(default=None, pattern=r"^\d{2,3}/\d{1,3}$")
    rr: float | None = None
    spo2: float | None = None
    temp: float | None = None
    gcs: int | None = Field(default=None, ge=3, le=15)
    pain: int | None = Field(default=None, ge=0, le=10)
    weight: float | None = None
    height: float | None = None
    o2: float | None = None


class Case(_Form):
    """A chart with its known answer and diagnoses, right and absurd, that a model may propose."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*-\d{2,}$")
    complaint: str
    source: str = Field(min_length=10)
    looked_up: bool
    truth: str
    code: str = Field(pattern=r"^[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?$")
    alarm: tuple[str, ...]
    age: str = Field(pattern=f"^{AGE}$")
    sex: Literal["male", "female", "other", "unknown"]
    encounter: Literal["emergency", "ambulatory", "inpatient"]
    reason: str
    symptoms: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    note: str = ""
    vitals: Vitals = Vitals()
    labs: tuple[Lab, ...] = ()
    results: tuple[Result, ...] = ()
    problems: tuple[str, ...] = ()
    medications: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    allergies: tuple[str, ...] = ()
    family: tuple[Annotated[str, Field(pattern=r"^[A-Z][a-z ]+: .+")], ...] = ()
    social: tuple[str, ...] = ()
    immunizations: tuple[str, ...] = ()
    pregnant: str = Field(default="", pattern=r"^$|^\d{1,2} wk$|^postpartum \d{1,3} (h|d|wk)$")
    right: tuple[Entry, ...] = Field(min_length=1, max_length=3)
    absurd: tuple[Entry, ...] = Field(min_length=2, max_length=3)

    @property
    def benign(self) -> bool:
        """Whether no rule should raise an alarm."""
        return not self.alarm


def load(*folders: Path) -> tuple[Case, ...]:
    """The cases of all TOML files in these folders and below, by file name and place.

    Raises CaseError that names the file and the case, for an unknown key too, and for an id that
    stands twice.
    """
    found: dict[str, Case] = {}
    for path in (p for folder in folders for p in _files(folder)):
        for case in load_file(path):
            if case.id in found:
                raise CaseError(path, case.id, "this id stands twice")
            found[case.id] = case
    return tuple(found.values())


def _files(folder: Path) -> Iterable[Path]:
    if not folder.exists():
        raise CaseError(folder, "", "there is no such file or folder")
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*.toml") if path.name not in (NAMES, LABELS))


def load_file(path: Path) -> tuple[Case, ...]:
    """The cases of one file; raises CaseError."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as fault:
        raise CaseError(path, "", f"this is not TOML: {fault}") from fault
    if unknown := raw.keys() - {"version", "case"}:
        raise CaseError(path, "", f"unknown key {min(unknown)!r}")
    if raw.get("version") != "1":
        raise CaseError(path, "", 'version must be "1"')
    return tuple(_case(path, row) for row in raw.get("case", []))


def _case(path: Path, row: dict[str, object]) -> Case:
    try:
        return Case.model_validate(row)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CaseError(path, str(row.get("id", "")), f"{where}: {first['msg']}") from fault
