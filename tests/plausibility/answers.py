"""Names and entries of problem lists with answers that were written before they were looked up."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.consultation import Candidate, Differential, Evidence, Group, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates
from fhir_mapping.chart import Chart, Code, Fact, Kind, PatientFacts

__all__ = ["Named", "Pair", "named", "names_missed", "pairs", "pairs_missed"]

_DATA = Path(__file__).with_name("data")
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"


@dataclass(frozen=True, slots=True)
class Named:
    """A name, and the ICD-10-CM categories of which one is right."""

    name: str
    categories: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A recorded problem, the days it has stood (None: no date), and what is proposed."""

    kind: str
    code: str
    recorded: str
    days: float | None
    proposed: str
    expected: str


def named(half: str) -> list[Named]:
    """The names of one half, "open" or "aside"."""
    return [Named(r["name"], frozenset(r["categories"].split())) for r in _rows("names", half)]


def pairs(half: str) -> list[Pair]:
    """The pairs of one half, "open" or "aside"."""
    return [
        Pair(r["kind"], r["code"], r["recorded"], float(r["days"]) if r["days"] else None,
             r["proposed"], r["expected"])
        for r in _rows("recorded", half)
    ]  # fmt: skip


def _rows(table: str, half: str) -> list[dict[str, str]]:
    lines = (_DATA / f"{table}.csv").read_text("utf-8").splitlines()
    found = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [r for r in found if r["half"] == half]


def names_missed(half: str, terminology: Terminology) -> list[str]:
    """The names that are not recognised, or not under a right category."""
    missed = []
    for one in named(half):
        found = terminology.resolve(one.name)
        if not found.recognised or not found.categories & one.categories:
            told = " ".join(c.code for c in found.concepts)
            missed.append(f"{one.name}: {found.status} {told} left over {found.uncovered}")
    return missed


def pairs_missed(half: str, terminology: Terminology) -> list[str]:
    """The pairs of which the verdict is not as expected."""
    missed = []
    for pair in pairs(half):
        said = "recorded" if _verdict(pair, terminology) is Verdict.RECORDED else "new"
        if said != pair.expected:
            missed.append(f"{pair.kind}: {pair.code} {pair.recorded} / {pair.proposed}: {said}")
    return missed


def _verdict(pair: Pair, terminology: Terminology) -> Verdict:
    codes = (Code(_ICD, pair.code, pair.recorded),) if pair.code else ()
    listed = Fact("P1", Kind.PROBLEM, pair.recorded, codes, days_ago=pair.days, status="active")
    complaint = Fact("S1", Kind.COMPLAINT, "Feels unwell")
    chart = Chart(PatientFacts(54, None), (listed, complaint))
    proposed = Candidate(pair.proposed, Group.LIKELY, (Evidence("S1", "present"),), ())
    return assess_candidates(chart, [Differential((proposed,))], terminology)[0].verdict
