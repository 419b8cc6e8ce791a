"""Right diagnoses on charts that nobody adjusted a rule with, and which checks flag them.

`vignettes`: published vignettes that open with age and sex of the patient ("A 22-year-old man"),
with the true answer, of questions that ask for a diagnosis. `radiology`: final diagnoses of
published radiology cases, whose texts are not here, so that only the name is judged.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cds_hooks.consultation import Candidate, Differential, Evidence, Group, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates
from fhir_mapping.chart import Chart, Fact, Kind, PatientFacts

__all__ = ["Told", "causes", "radiology", "vignettes"]

Told = tuple[str, PatientFacts]
"""A true diagnosis and whose it is."""

_WHO = re.compile(
    r"\b(\d{1,3})[- ](day|week|month|year)s?[- ]old (?:\w+ ){0,3}?"
    r"(man|woman|boy|girl|male|female)\b",
    re.IGNORECASE,
)
_YEARS = {"day": 1 / 365.25, "week": 7 / 365.25, "month": 1 / 12, "year": 1.0}
_FEMALE = frozenset({"woman", "girl", "female"})
_BAD = (Verdict.CONTRADICTED, Verdict.UNRECOGNISED)


def vignettes(path: Path, no_diagnosis: frozenset[str]) -> Iterator[Told]:
    for line in path.read_text("utf-8").splitlines():
        case = json.loads(line)
        who = _WHO.search(case["vignette"][:200])
        if who and case["id"] not in no_diagnosis:
            sex = "female" if who[3].lower() in _FEMALE else "male"
            age = float(who[1]) * _YEARS[who[2].lower()]
            yield case["answer"].strip(), PatientFacts(age, sex)


def radiology(path: Path) -> Iterator[Told]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["FinalDiagnosis"].strip(), PatientFacts()


def causes(told: Iterable[Told], terminology: Terminology) -> tuple[int, Counter[str], list[str]]:
    """How many were judged, how many were flagged by each check, and the flagged ones by name."""
    count, why, names = 0, Counter[str](), []
    for name, patient in told:
        count += 1
        found = assess_candidates(_chart(patient), _answer(name), terminology)[0]
        if found.verdict in _BAD:
            failed = _speaks(found.verdict, [r.check for r in found.reasons if r.result == "fail"])
            why[failed] += 1
            names.append(f"{name}: {failed}")
    return count, why, names


def _speaks(verdict: Verdict, failed: Sequence[str]) -> str:
    if verdict is Verdict.UNRECOGNISED:
        return "name-recognised"
    return next((c for c in failed if c != "name-recognised"), "")


def _chart(patient: PatientFacts) -> Chart:
    return Chart(patient, (Fact("S1", Kind.COMPLAINT, "Feels ill", days_ago=0.0),))


def _answer(name: str) -> list[Differential]:
    return [Differential((Candidate(name, Group.LIKELY, (Evidence("S1", "present"),)),))]
