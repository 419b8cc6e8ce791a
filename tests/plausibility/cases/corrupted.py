"""A right entry of a case made wrong in one way, by code: ten ways, where each applies."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from cds_hooks.consultation import Evidence
from fhir_mapping import Chart, Kind, Polarity
from tests.plausibility.cases.load import Case
from tests.plausibility.invented import invent

__all__ = ["CORRUPTIONS", "Proposal"]

NOT_THERE = "M99"
FLIPPED = {"high": "low", "low": "high", "normal": "abnormal", "abnormal": "normal",
           "present": "absent", "absent": "present"}  # fmt: skip

OTHERS = ("Sarcoidosis", "Pancreatitis", "Glomerulonephritis", "Osteomyelitis", "Endometriosis")
"""Whose halves and words are mixed with a case's own disease to a name that none has."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A diagnosis proposed for a case: facts cited by text and claim, others by their id.

    `code` is the ICD-10-CM code of what is proposed, "" where it is not known.
    """

    case: Case
    name: str
    code: str
    cites: tuple[str, ...]
    against: tuple[str, ...] = ()
    more: tuple[Evidence, ...] = ()


Corrupt = Callable[[Proposal, Chart], Proposal | None]


def sex_turned(right: Proposal, chart: Chart) -> Proposal | None:
    """The other recorded sex, of a disease that only one has."""
    other = {"female": "male", "male": "female"}.get(right.case.sex, "")
    bound = _table()["sex"].get(right.case.sex, ())
    return _changed(right, sex=other) if other and _begins(right, bound) else None


def age_moved(right: Proposal, chart: Chart) -> Proposal | None:
    """An age at which the disease does not occur."""
    row = _row("age", right)
    return _changed(right, age=row["age"]) if row else None


def reversed_claim(right: Proposal, chart: Chart) -> Proposal | None:
    """The opposite claimed of the first fact that is cited."""
    words, _, claim = right.cites[0].rpartition(":")
    return replace(right, cites=(f"{words}:{FLIPPED[claim]}", *right.cites[1:]))


def refuted_problem(right: Proposal, chart: Chart) -> Proposal | None:
    """The same disease as an entry of the problem list that was refuted."""
    if not right.code:
        return None
    return _changed(
        right, problems=(*right.case.problems, f"{right.code} {right.name} @ -1 d refuted")
    )


def denied_symptom(right: Proposal, chart: Chart) -> Proposal | None:
    """What the chart denies cited as present."""
    wanted = (Kind.OBSERVATION, Kind.PROBLEM, Kind.COMPLAINT)
    denied = (
        f for f in chart.of(*wanted) if f.polarity in (Polarity.ABSENT, Polarity.REFUTED)
    )  # fmt: skip
    fact = next(denied, None)
    return replace(right, more=(Evidence(fact.id, "present"),)) if fact else None


def invented_name(right: Proposal, chart: Chart) -> Proposal | None:
    """A name that no disease has, made from real ones."""
    seed = crc32(f"{right.case.id} {right.name}".encode())
    kind = ("blend", "near", "eponym")[seed % 3]
    names = (right.case.truth,) if kind == "near" else (right.case.truth, *OTHERS)
    return replace(right, name=invent(kind, names, 1, seed)[0], code="")


def removed_organ(right: Proposal, chart: Chart) -> Proposal | None:
    """An operation years ago after which the disease cannot be."""
    row = _row("organ", right)
    return _changed(right, procedures=(*right.case.procedures, row["procedure"])) if row else None


def excluding_result(right: Proposal, chart: Chart) -> Proposal | None:
    """The defining test normal; what was cited of it is cited no more."""
    row = _row("result", right)
    if not row:
        return None
    normal = tuple(tuple(lab) for lab in row["labs"])
    codes = {lab[1] for lab in normal}
    kept = tuple(lab for lab in right.case.labs if lab[1] not in codes)
    gone = [str(lab[0]).lower() for lab in normal]
    cites = tuple(c for c in right.cites if not any(_is_about(c, name) for name in gone))
    changed = _changed(right, labs=(*kept, *normal))
    return replace(changed, cites=cites or (f"{right.case.reason}:present",))


def drug_not_there(right: Proposal, chart: Chart) -> Proposal | None:
    """A drug cited that was stopped, or that the chart does not have."""
    stopped = (f.id for f in chart.of(Kind.MEDICATION) if f.status == "stopped")
    return replace(right, more=(Evidence(next(stopped, NOT_THERE), "present"),))


def both_ways(right: Proposal, chart: Chart) -> Proposal | None:
    """The same fact with the same claim for and against."""
    return replace(right, against=(*right.against, right.cites[0]))


CORRUPTIONS: dict[str, Corrupt] = {
    "sex": sex_turned,
    "age": age_moved,
    "reversed claim": reversed_claim,
    "refuted problem": refuted_problem,
    "denied symptom": denied_symptom,
    "invented name": invented_name,
    "removed organ": removed_organ,
    "excluding result": excluding_result,
    "drug not there": drug_not_there,
    "for and against": both_ways,
}


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("corruptions.toml").read_text("utf-8"))


def _row(table: str, right: Proposal) -> dict[str, Any] | None:
    return next((row for row in _table()[table] if _begins(right, row["codes"])), None)


def _begins(right: Proposal, codes: tuple[str, ...] | list[str]) -> bool:
    return bool(right.code) and right.code.startswith(tuple(codes))


def _is_about(citation: str, name: str) -> bool:
    words = citation.rpartition(":")[0].lower()
    return words.split()[0] in name or name in words


def _changed(right: Proposal, **what: object) -> Proposal:
    return replace(right, case=right.case.model_copy(update=what))
