"""Right assessments on generated charts, and what one corruption does to each.

A corruption must change the verdict, or add a failed reason of the check that is to see it; a
right assessment must be neither contradicted nor unrecognised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_hooks.consultation import Assessment, Candidate, Differential, Evidence, Group, Verdict
from cds_hooks.plausibility import Terminology, assess
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart, Fact, Kind, PatientFacts, Polarity

Case = tuple[Chart, Candidate]
LEAKING = {"Encounter", "Composition", "Procedure", "MedicationRequest", "MedicationAdministration"}
NAMES = {
    "acute_mi": "Acute myocardial infarction",
    "bacterial_pneumonia": "Bacterial pneumonia",
    "cerebral_infarction": "Cerebral infarction",
    "copd_exacerbation": "COPD exacerbation",
    "gi_bleeding": "Gastrointestinal hemorrhage",
    "heart_failure_exacerbation": "Heart failure",
}
DATES = re.compile(r'"(?:effectiveDateTime|issued)":"(\d{4}-\d\d-\d\dT[^"]+)"')
FLIPPED = {"high": "low", "low": "high", "abnormal": "normal", "normal": "abnormal"}


def charts(folder: Path) -> Iterator[tuple[str, Chart]]:
    """The generated charts an hour after their last result, without the stay that tells."""
    for path in sorted((folder / "patients" / "clinosim").glob("*.json")):
        if path.stem == "labels":
            continue
        bundle = json.loads(path.read_text("utf-8"))
        resources = [e["resource"] for e in bundle["entry"] if "resource" in e]
        kept = [r for r in resources if r["resourceType"] not in LEAKING]
        patient = next(r["id"] for r in kept if r["resourceType"] == "Patient")
        last = max(DATES.findall(orjson.dumps(kept).decode())).replace("Z", "+00:00")
        then = datetime.fromisoformat(last)
        now = (then if then.tzinfo else then.replace(tzinfo=UTC)) + timedelta(hours=1)
        yield path.stem, map_chart(kept, patient_id=patient, now=now)


def clean(chart: Chart, name: str) -> Candidate:
    """The right diagnosis, with what the chart flags as evidence."""
    flagged = [f for f in chart.of(Kind.LAB, Kind.VITAL) if f.flag is not None and f.is_abnormal]
    claims = [
        Evidence(f.id, "high" if f.flag and f.flag.is_high else "low")
        for f in flagged
        if f.flag and (f.flag.is_high or f.flag.is_low)
    ]
    return Candidate(name, Group.LIKELY, tuple(claims[:4]))


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Case]:
    """Chart and right candidate of every generated case. Chronic diseases are taken off the
    problem list: what is recorded there is not proposed anew."""
    found = []
    for stem, chart in charts(shared_data):
        new = replace(chart, facts=tuple(f for f in chart.facts if f.kind is not Kind.PROBLEM))
        found.append((new, clean(new, NAMES.get(stem, stem.replace("_", " ").capitalize()))))
    assert len(found) == 12
    return found


def judged(chart: Chart, candidate: Candidate, terminology: Terminology) -> Assessment:
    return assess(chart, [Differential((candidate,))], terminology)[0]


def failed(assessment: Assessment) -> set[str]:
    return {r.check for r in assessment.reasons if r.result == "fail"}


def without(chart: Chart, fact_id: str) -> Chart:
    return replace(chart, facts=tuple(f for f in chart.facts if f.id != fact_id))


def aged(chart: Chart, **who: Any) -> Chart:
    told = {"age_years": chart.patient.age_years, "recorded_sex": chart.patient.recorded_sex}
    return replace(chart, patient=PatientFacts(**{**told, **who}))


def swapped(case: Case, at: int) -> tuple[Case, str]:
    chart, candidate = case
    found = list(candidate.evidence_for)
    found[at] = Evidence("L999", found[at].claim)
    return (chart, replace(candidate, evidence_for=tuple(found))), "evidence-exists"


def flipped(case: Case, at: int) -> tuple[Case, str]:
    chart, candidate = case
    found = list(candidate.evidence_for)
    found[at] = Evidence(found[at].fact_id, FLIPPED[found[at].claim])
    return (chart, replace(candidate, evidence_for=tuple(found))), "evidence-direction"


def dropped(case: Case, at: int) -> tuple[Case, str]:
    chart, candidate = case
    return (without(chart, candidate.evidence_for[at].fact_id), candidate), "evidence-exists"


def invented(case: Case, at: int) -> tuple[Case, str]:
    chart, candidate = case
    name = f"{candidate.diagnosis[:4]}orblo{candidate.diagnosis[-5:]}"
    return (chart, replace(candidate, diagnosis=name.replace(" ", ""))), "name-recognised"


def other_sex(case: Case, at: int) -> tuple[Case, str]:
    chart, candidate = case
    name, sex = [("Ectopic pregnancy", "male"), ("Prostate cancer", "female")][at % 2]
    changed = aged(chart, recorded_sex=sex, age_years=40.0)
    return (changed, replace(candidate, diagnosis=name)), "recorded-sex"


def other_age(case: Case, at: int) -> tuple[Case, str]:
    chart, candidate = case
    name, age = [("Pre-eclampsia", 80.0), ("Atherosclerosis", 4.0)][at % 2]
    changed = aged(chart, recorded_sex="female", age_years=age)
    return (changed, replace(candidate, diagnosis=name)), "recorded-age"


def past(case: Case, at: int) -> tuple[Case, str]:
    chart, candidate = case
    over = Fact("P90", Kind.PROBLEM, "Deep vein thrombosis", status="resolved")
    cited = (*candidate.evidence_for, Evidence("P90", "present"))
    changed = replace(chart, facts=(*chart.facts, over))
    return (changed, replace(candidate, evidence_for=cited)), "evidence-current"


def refuted(case: Case, at: int) -> tuple[Case, str]:
    chart, candidate = case
    no = Fact("P91", Kind.PROBLEM, candidate.diagnosis, polarity=Polarity.REFUTED)
    return (replace(chart, facts=(*chart.facts, no)), candidate), "refuted-in-chart"


CORRUPTIONS: list[Callable[[Case, int], tuple[Case, str]]] = [
    swapped, flipped, dropped, invented, other_sex, other_age, past, refuted,
]  # fmt: skip


def test_right_assessments_are_hardly_ever_flagged(
    cases: list[Case], terminology: Terminology
) -> None:
    verdicts = [judged(*case, terminology).verdict for case in cases]
    wrong = [v for v in verdicts if v in (Verdict.CONTRADICTED, Verdict.UNRECOGNISED)]
    assert len(wrong) / len(verdicts) <= 0.02
    assert verdicts.count(Verdict.SUPPORTED) / len(verdicts) >= 0.9


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=[c.__name__ for c in CORRUPTIONS])
def test_a_corruption_is_seen_for_the_right_reason(
    cases: list[Case], terminology: Terminology, corrupt: Callable[..., tuple[Case, str]]
) -> None:
    seen = total = 0
    for case in cases:
        before = judged(*case, terminology)
        if before.verdict is not Verdict.SUPPORTED:
            continue
        for at in range(len(case[1].evidence_for)):
            changed, check = corrupt(case, at)
            after = judged(*changed, terminology)
            seen += check in failed(after) - failed(before) and after.verdict is not before.verdict
            total += 1
    assert total >= 20
    assert seen / total >= 0.95, f"{seen} of {total}"
