"""Right assessments on sample charts, and the ways in which one thing of them can be made wrong.

Used by the test that holds the checks to it and by the benchmark that prints the figures. Charts:
generated patients of known disease with the stay that tells it taken away, and published cases.
A clean candidate is the true diagnosis with facts of the chart as the chart says them.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from cds_hooks.consultation import Assessment, Candidate, Differential, Evidence, Group, Verdict
from cds_hooks.evaluation.suites.osce import load_osce
from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.checks.evidence import claim_result, is_about_another
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart, Fact, Flag, Kind, PatientFacts, Polarity
from tests.sample.places import Data

__all__ = [
    "CORRUPTIONS",
    "Case",
    "FindingIndex",
    "bound_cases",
    "clean_flagged",
    "judged",
    "run",
    "true_cases",
]

LEAKING = {"Encounter", "Composition", "Procedure", "MedicationRequest", "MedicationAdministration"}
NAMES = {
    "acute_mi": "Acute myocardial infarction",
    "copd_exacerbation": "COPD exacerbation",
    "gi_bleeding": "Gastrointestinal hemorrhage",
    "heart_failure_exacerbation": "Heart failure",
}
BOUND = (
    ("Ectopic pregnancy", "female", 29.0),
    ("Endometriosis", "female", 34.0),
    ("Ovarian torsion", "female", 24.0),
    ("Pre-eclampsia", "female", 31.0),
    ("Prostate cancer", "male", 71.0),
    ("Testicular torsion", "male", 16.0),
    ("Benign prostatic hyperplasia", "male", 66.0),
)
"""Diagnoses that coding ties to a recorded sex, at an age that fits them."""
AGES = (
    ("Pre-eclampsia", "female", 31.0, 80.0),
    ("Ectopic pregnancy", "female", 29.0, 78.0),
    ("Atherosclerosis", "male", 70.0, 4.0),
    ("Age-related macular degeneration", "female", 75.0, 8.0),
    ("Senile cataract", "male", 74.0, 6.0),
    ("Infantile eczema", "female", 1.0, 45.0),
)
"""Diagnoses that coding or a rule ties to an age: sex, an age that fits, one that does not."""
FLIPPED = {"high": "low", "low": "high", "present": "absent"}
_DATES = re.compile(r'"(?:effectiveDateTime|issued)":"(\d{4}-\d\d-\d\dT[^"]+)"')
_NOW = datetime(2026, 4, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """A chart and a candidate about it; `set` says where the chart is from."""

    set: str
    id: str
    chart: Chart
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class FindingIndex:
    """How many corruptions were made, and how many changed the verdict for the right reason."""

    made: int
    seen: int
    missed: tuple[str, ...]


def true_cases(data: Data) -> Iterator[Case]:
    """Every sample chart that has a finding to cite, with its true diagnosis. What a chart already
    has on its problem list is taken off it: that is not proposed again."""
    for stem, chart in (*_generated(data), *_published(data)):
        new = replace(chart, facts=tuple(f for f in chart.facts if f.kind is not Kind.PROBLEM))
        source, _, name = stem.partition(":")
        candidate = Candidate(name, Group.LIKELY, _claims(new))
        if candidate.evidence_for:
            yield Case(source, name, new, candidate)


def bound_cases(cases: Sequence[Case]) -> Iterator[Case]:
    """The same charts of another patient, with a diagnosis that is tied to sex."""
    for at, case in enumerate(cases):
        name, sex, age = BOUND[at % len(BOUND)]
        yield _of(case, name, sex, age)


def judged(case: Case, terminology: Terminology) -> Assessment:
    return assess_candidates(case.chart, [Differential((case.candidate,))], terminology)[0]


def clean_flagged(cases: Sequence[Case], terminology: Terminology) -> list[str]:
    """The clean cases that are called contradicted or unrecognised."""
    bad = (Verdict.CONTRADICTED, Verdict.UNRECOGNISED)
    found = ((c, judged(c, terminology).verdict) for c in cases)
    return [f"{c.set} {c.id}: {v.value}" for c, v in found if v in bad]


def run(
    corrupt: Callable[[Case, random.Random], tuple[Case, Case, str] | None],
    cases: Sequence[Case],
    terminology: Terminology,
    seed: int = 5,
) -> FindingIndex:
    """One corruption of every clean case that is not flagged and lets itself be corrupted so.

    Seen is one whose named check fails where it did not fail before, and whose verdict is worse,
    or no better where it was not supported before (the facts of a sample seldom all bear on it),
    or stays where a result of the chart defines the diagnosis.
    """
    random_, made, missed = random.Random(seed), 0, []
    for case in cases:
        pair = corrupt(case, random_)
        before = judged(pair[0], terminology) if pair else None
        if pair is None or before is None or before.verdict not in _RANKS:
            continue
        after, made = judged(pair[1], terminology), made + 1
        new = _failed(after) - _failed(before)
        if pair[2] not in new or not (_defined(after) or _is_worse(before, after)):
            missed.append(f"{case.set} {case.id}: {after.verdict.value}")
    return FindingIndex(made, made - len(missed), tuple(missed))


_RANKS = (Verdict.SUPPORTED, Verdict.PLAUSIBLE, Verdict.UNCERTAIN)


def _is_worse(before: Assessment, after: Assessment) -> bool:
    if after.verdict not in _RANKS:
        return True
    lost = _RANKS.index(after.verdict) - _RANKS.index(before.verdict)
    return lost > 0 or (lost == 0 and before.verdict is not Verdict.SUPPORTED)


def _defined(assessment: Assessment) -> bool:
    """Whether a result of the chart makes the diagnosis, which outranks what is cited for it."""
    return any(r.check == "definition-met" for r in assessment.reasons)


def _failed(assessment: Assessment) -> set[str]:
    return {r.check for r in assessment.reasons if r.result == "fail"}


def _generated(data: Data) -> Iterator[tuple[str, Chart]]:
    """The generated charts an hour after their last result, without the stay that tells."""
    for path in sorted(data.stays.glob("*.json")):
        if path.stem == "labels":
            continue
        bundle = json.loads(path.read_text("utf-8"))
        resources = [e["resource"] for e in bundle["entry"] if "resource" in e]
        kept = [r for r in resources if r["resourceType"] not in LEAKING]
        patient = next(r["id"] for r in kept if r["resourceType"] == "Patient")
        last = max(_DATES.findall(orjson.dumps(kept).decode())).replace("Z", "+00:00")
        then = datetime.fromisoformat(last)
        now = (then if then.tzinfo else then.replace(tzinfo=UTC)) + timedelta(hours=1)
        name = NAMES.get(path.stem, path.stem.replace("_", " ").capitalize())
        yield f"generated:{name}", map_chart(kept, patient_id=patient, now=now)


def _published(data: Data) -> Iterator[tuple[str, Chart]]:
    for case in load_osce(data.osce, now=_NOW).cases:
        chart = map_chart(case.resources, patient_id=case.patient_id, now=_NOW)
        yield f"published:{case.gold.name}", chart


def _claims(chart: Chart) -> tuple[Evidence, ...]:
    """Up to three results as flagged and up to two complaints as present."""
    flagged = [f for f in chart.of(Kind.LAB, Kind.VITAL) if f.flag and _side(f.flag)]
    told = [
        f
        for f in chart.of(Kind.COMPLAINT, Kind.OBSERVATION)
        if claim_result(f, "present") == "pass" and f.value is None and not is_about_another(f)
    ]
    results = [Evidence(f.id, _side(f.flag)) for f in flagged[:3] if f.flag]
    return (*results, *(Evidence(f.id, "present") for f in told[:2]))


def _side(flag: Flag) -> str:
    return "high" if flag.is_high else "low" if flag.is_low else ""


def _of(case: Case, name: str, sex: str, age: float) -> Case:
    chart = replace(case.chart, patient=PatientFacts(age, sex))
    return replace(case, chart=chart, id=name, candidate=replace(case.candidate, diagnosis=name))


def _citing(case: Case, at: int, *evidence: Evidence) -> Case:
    cited = list(case.candidate.evidence_for)
    cited[at : at + 1] = evidence
    return replace(case, candidate=replace(case.candidate, evidence_for=tuple(cited)))


def _any(case: Case, random_: random.Random) -> tuple[int, Evidence]:
    at = random_.randrange(len(case.candidate.evidence_for))
    return at, case.candidate.evidence_for[at]


def id_of_nothing(case: Case, random_: random.Random) -> tuple[Case, Case, str]:
    at, cited = _any(case, random_)
    return case, _citing(case, at, Evidence("L999", cited.claim)), "evidence-exists"


def id_of_another_fact(case: Case, random_: random.Random) -> tuple[Case, Case, str] | None:
    """Another fact of the chart of which the claim is not so; where it is so nothing is wrong."""
    at, cited = _any(case, random_)
    wrong = [f.id for f in case.chart.facts if claim_result(f, cited.claim) == "fail"]
    if not wrong:
        return None
    return case, _citing(case, at, Evidence(random_.choice(wrong), cited.claim)), _DIRECTION


def direction(case: Case, random_: random.Random) -> tuple[Case, Case, str]:
    at, cited = _any(case, random_)
    return case, _citing(case, at, Evidence(cited.fact_id, FLIPPED[cited.claim])), _DIRECTION


def result_normal(case: Case, random_: random.Random) -> tuple[Case, Case, str] | None:
    """The cited result is normal in the chart."""
    results = [e for e in case.candidate.evidence_for if e.claim in ("high", "low")]
    if not results:
        return None
    fact_id = random_.choice(results).fact_id
    facts = tuple(replace(f, flag=Flag.NORMAL) if f.id == fact_id else f for f in case.chart.facts)
    return case, replace(case, chart=replace(case.chart, facts=facts)), _DIRECTION


def result_dropped(case: Case, random_: random.Random) -> tuple[Case, Case, str]:
    _, cited = _any(case, random_)
    facts = tuple(f for f in case.chart.facts if f.id != cited.fact_id)
    return case, replace(case, chart=replace(case.chart, facts=facts)), "evidence-exists"


def invented_name(case: Case, random_: random.Random) -> tuple[Case, Case, str]:
    """The first half of the name and the end of another's."""
    words = "".join(case.candidate.diagnosis.split())
    name = f"{words[: len(words) // 2]}{random_.choice(('orblosis', 'uxitis', 'anemba', 'iform'))}"
    changed = replace(case, candidate=replace(case.candidate, diagnosis=name))
    return case, changed, "name-recognised"


def other_sex(case: Case, random_: random.Random) -> tuple[Case, Case, str]:
    name, sex, age = random_.choice(BOUND)
    right = _of(case, name, sex, age)
    wrong = _of(case, name, "male" if sex == "female" else "female", age)
    return right, wrong, "recorded-sex"


def other_age(case: Case, random_: random.Random) -> tuple[Case, Case, str]:
    name, sex, age, never = random_.choice(AGES)
    return _of(case, name, sex, age), _of(case, name, sex, never), "recorded-age"


def resolved_problem(case: Case, random_: random.Random) -> tuple[Case, Case, str]:
    over = Fact("P90", Kind.PROBLEM, "Deep vein thrombosis", status="resolved")
    cited = Evidence("P90", "present")
    active = replace(over, status="active")
    at, kept = _any(case, random_)
    right = replace(case, chart=replace(case.chart, facts=(*case.chart.facts, active)))
    wrong = replace(case, chart=replace(case.chart, facts=(*case.chart.facts, over)))
    return _citing(right, at, kept, cited), _citing(wrong, at, kept, cited), "evidence-current"


def refuted(case: Case, random_: random.Random) -> tuple[Case, Case, str]:
    no = Fact("P91", Kind.PROBLEM, case.candidate.diagnosis, polarity=Polarity.REFUTED)
    changed = replace(case, chart=replace(case.chart, facts=(*case.chart.facts, no)))
    return case, changed, "refuted-in-chart"


_DIRECTION = "evidence-direction"
CORRUPTIONS: tuple[Callable[[Case, random.Random], Any], ...] = (
    id_of_nothing,
    id_of_another_fact,
    direction,
    result_normal,
    result_dropped,
    invented_name,
    other_sex,
    other_age,
    resolved_problem,
    refuted,
)
"""Each makes of a case a right one and one with one thing wrong, and names the check to see it."""
