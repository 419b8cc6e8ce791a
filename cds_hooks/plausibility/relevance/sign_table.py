"""The curated table of findings that speak for and against a disease: `data/relevance/*.toml`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any

from cds_hooks.plausibility.chart.finding_index import findings
from cds_hooks.plausibility.data_files import data_file
from cds_hooks.plausibility.relevance.strength import Strength
from cds_hooks.plausibility.relevance.table_files import (
    RelevanceError,
    read_table,
    refuse_unknown_keys,
    text_list,
)
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM, Concept

__all__ = ["DiseaseSigns", "Sign", "Strength", "diseases", "load", "of_concepts", "read_rows"]

_ROW = ("name", "codes", "mesh", "source", "looked_up", "says", "for", "against")
_SIGN = ("strength", "lr", "source", "looked_up", "says", "reason")
_ABSENT = "absent-"
_FACT = re.compile(r"drug:[a-z][a-z0-9 -]+|problem:[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?")
_ENDS = ("-high", "-low", "-positive", "-negative", "-abnormal", "-normal")


@dataclass(frozen=True, slots=True)
class Sign:
    """A finding with its strength, the likelihood ratio where one is published, and its source."""

    finding: str
    strength: Strength
    source: str
    lr: float | None = None

    @property
    def name(self) -> str:
        """As a card says it."""
        kind, _, name = self.finding.rpartition(":")
        if kind == "chart":
            return "the chart names it"
        if kind == "rule":
            return "a rule about the chart that names it"
        return f"recorded {name}" if kind == "problem" else name.replace("-", " ")


@dataclass(frozen=True, slots=True)
class DiseaseSigns:
    """A row: which diagnoses it is about, and the signs for and against them by finding."""

    name: str
    codes: tuple[str, ...]
    mesh: frozenset[str]
    signs_for: Mapping[str, Sign]
    signs_against: Mapping[str, Sign]


@cache
def diseases() -> tuple[DiseaseSigns, ...]:
    """All shipped rows. Raises RelevanceError with the path of what is wrong."""
    folder = data_file("relevance")
    if not folder.is_dir():
        return ()
    tables = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(read_rows(tables, findings().keys()))


def read_rows(tables: Iterable[Traversable], known: Collection[str]) -> list[DiseaseSigns]:
    """The rows of some tables; `known` are the ids of findings. Raises RelevanceError."""
    rows: list[DiseaseSigns] = []
    for file in tables:
        raw = read_table(file)
        refuse_unknown_keys(raw, ("version", "source", "reason", "looked_up", "disease"), file.name)
        rows += [_disease(r, file.name, known) for r in raw.get("disease", [])]
    return rows


def _disease(raw: dict[str, Any], file: str, known: Collection[str]) -> DiseaseSigns:
    where = f"{file}: {raw.get('name', '?')}"
    refuse_unknown_keys(raw, _ROW, where)
    codes, mesh = text_list(raw.get("codes", []), where), text_list(raw.get("mesh", []), where)
    if not raw.get("name") or not (codes or mesh):
        raise RelevanceError("a row needs a name, and codes or mesh", where=where)
    signs = {
        side: _signs(raw.get(side, {}), f"{where}: {side}", raw.get("source", ""), known)
        for side in ("for", "against")
    }
    if both := signs["for"].keys() & signs["against"].keys():
        raise RelevanceError("for and against at once", where=f"{where}: {min(both)}")
    return DiseaseSigns(raw["name"], codes, frozenset(mesh), signs["for"], signs["against"])


def _signs(
    raw: Mapping[str, Any], where: str, source: str, known: Collection[str]
) -> Mapping[str, Sign]:
    return {
        name: _sign(name, value, f"{where}: {name}", source, known) for name, value in raw.items()
    }


def _sign(name: str, value: Any, where: str, source: str, known: Collection[str]) -> Sign:
    if not _is_known(name, known):
        raise RelevanceError("unknown finding", where=where)
    told = {"strength": value} if isinstance(value, str) else value
    if not isinstance(told, dict):
        raise RelevanceError("a strength or a table is needed", where=where)
    refuse_unknown_keys(told, _SIGN, where)
    own, lr = told.get("source", source), told.get("lr")
    if told.get("strength") not in list(Strength):
        raise RelevanceError("strong, moderate or weak is needed", where=where)
    if not own:
        raise RelevanceError("no source", where=where)
    if lr is not None and (not isinstance(lr, int | float) or lr < 0):
        raise RelevanceError("a likelihood ratio is a number from 0", where=where)
    return Sign(name, Strength(told["strength"]), own, None if lr is None else float(lr))


def _is_known(name: str, known: Collection[str]) -> bool:
    """Whether a finding has this id, a finding is absent by it, a result lies so, or it is a
    current drug ("drug:warfarin") or a problem by its ICD-10-CM code ("problem:I48")."""
    plain = name.removeprefix(_ABSENT)
    if name in known or plain in known or _FACT.fullmatch(name):
        return True
    return plain.endswith("-normal") and any(
        plain.removesuffix("-normal") + end in known for end in _ENDS
    )


def of_concepts(concepts: Iterable[Concept]) -> tuple[DiseaseSigns, ...]:
    """The rows about some concepts: of those that are about the concept or what it is a kind of
    the nearest, else those about kinds of it."""
    return _of_codes(tuple((c.system == ICD_10_CM, c.code) for c in concepts))


@cache
def _same_signs() -> Mapping[str, tuple[str, ...]]:
    """Code -> the ICD-10-CM codes under which the table has it. Raises RelevanceError."""
    file = data_file("systems", "same_signs.toml")
    raw = read_table(file)
    refuse_unknown_keys(raw, ("version", "source", "looked_up", "codes"), file.name)
    return {
        code: text_list(others, f"{file.name}: {code}") for code, others in raw["codes"].items()
    }


@cache
def _by_category() -> Mapping[str, tuple[DiseaseSigns, ...]]:
    """ICD-10-CM category -> rows about a code of it."""
    found: dict[str, list[DiseaseSigns]] = {}
    for row in diseases():
        for category in dict.fromkeys(code[:3] for code in row.codes):
            found.setdefault(category, []).append(row)
    return {category: tuple(rows) for category, rows in found.items()}


@cache
def _by_heading() -> Mapping[str, tuple[DiseaseSigns, ...]]:
    found: dict[str, list[DiseaseSigns]] = {}
    for row in diseases():
        for heading in row.mesh:
            found.setdefault(heading, []).append(row)
    return {heading: tuple(rows) for heading, rows in found.items()}


@cache
def _of_codes(codes: tuple[tuple[bool, str], ...]) -> tuple[DiseaseSigns, ...]:
    found: list[DiseaseSigns] = []
    for is_icd, code in codes:
        same = _same_signs().get(code)
        if same is not None:
            found += [row for other in same for row in _of_icd(other)]
        else:
            found += _of_icd(code) if is_icd else _by_heading().get(code, ())
    return tuple({id(row): row for row in found}.values())


def _of_icd(code: str) -> list[DiseaseSigns]:
    rows = _by_category().get(code[:3], ())
    near = [(max((len(c) for c in r.codes if code.startswith(c)), default=0), r) for r in rows]
    nearest = max((n for n, _ in near), default=0)
    if nearest:
        return [r for n, r in near if n == nearest]
    return [r for r in rows if any(c.startswith(code) for c in r.codes)]


def load() -> None:
    """Read the tables of this module. Raises RelevanceError."""
    _same_signs()
    _by_category()
    _by_heading()
