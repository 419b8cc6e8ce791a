"""What the rules say of cases with known answers, counted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cds_hooks.consultation import (
    Assessment,
    Candidate,
    ChartFinding,
    Differential,
    Evidence,
    Group,
    Reason,
    Seriousness,
    Verdict,
)
from cds_hooks.plausibility import (
    Terminology,
    assess_candidates,
    assess_chart,
    assess_differentials,
)
from cds_hooks.plausibility.terminology.resolution import ICD_10_CM
from fhir_mapping import Chart
from tests.plausibility.cases.build import chart_of
from tests.plausibility.cases.check import cited
from tests.plausibility.cases.corrupted import CORRUPTIONS, Proposal
from tests.plausibility.cases.load import Case, Entry

__all__ = ["Outcome", "measured", "milliseconds"]

STRUCK = (Verdict.CONTRADICTED, Verdict.RECORDED, Verdict.UNRECOGNISED)
LOUD = (Seriousness.CRITICAL, Seriousness.SERIOUS)
OF_CITATIONS = {"reversed claim", "denied symptom", "drug not there", "for and against"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing measured of one case: `good` is what is wanted; `told` says what came instead,
    `verdict` which one an entry got."""

    measure: str
    case: str
    complaint: str
    what: str
    good: bool
    told: str = ""
    verdict: str = ""


def measured(cases: Iterable[Case], terminology: Terminology) -> Iterator[Outcome]:
    """Every measure of every case: right and absurd entries, corruptions, alarms."""
    for case in cases:
        chart = chart_of(case)
        yield _alarm(case, chart, terminology)
        for entry in case.right:
            right = _proposal(case, entry, terminology)
            judged = _judged(right, chart, terminology)
            for verdict in STRUCK:
                yield _outcome(
                    f"right {verdict}", case, entry.name, judged.verdict is not verdict, judged
                )
            yield from _corrupted(right, chart, terminology)
        for entry in case.absurd:
            judged = _judged(_proposal(case, entry, terminology), chart, terminology)
            calm = judged.verdict is not Verdict.SUPPORTED
            yield _outcome("absurd supported", case, entry.name, calm, judged)


def _outcome(measure: str, case: Case, what: str, good: bool, judged: Assessment) -> Outcome:
    reasons = "; ".join(f"{r.check}: {r.text}" for r in judged.reasons if r.result == "fail")
    told = f"{judged.verdict}: {reasons}" if not good else ""
    return Outcome(measure, case.id, case.complaint, what, good, told, judged.verdict)


def _alarm(case: Case, chart: Chart, terminology: Terminology) -> Outcome:
    """Of a can't-miss chart: is one of its names told? Of an everyday one: is nothing serious?"""
    found = assess_chart(chart, terminology).chart_findings
    if case.benign:
        loud = [f.diagnosis for f in found if f.seriousness in LOUD]
        return Outcome("everyday alarm", case.id, case.complaint, "", not loud, ", ".join(loud))
    hit = any(_is_named(f, case, terminology) for f in found)
    told = ", ".join(f.diagnosis for f in found) or "nothing"
    return Outcome("danger named", case.id, case.complaint, case.truth, hit, "" if hit else told)


def _is_named(finding: ChartFinding, case: Case, terminology: Terminology) -> bool:
    wanted = {name.casefold() for name in (*case.alarm, case.truth)}
    if finding.diagnosis.casefold() in wanted:
        return True
    categories = {case.code[:3]}.union(*(_categories(n, terminology) for n in case.alarm))
    return bool(categories & _categories(finding.diagnosis, terminology))


def _categories(name: str, terminology: Terminology) -> set[str]:
    """The ICD-10-CM categories of a name that is recognised in every word, else none."""
    found = terminology.resolve(name)
    return {c.category for c in found.concepts if c.category} if found.recognised else set()


def _proposal(case: Case, entry: Entry, terminology: Terminology) -> Proposal:
    """The entry with its code: the truth's for the first right one, else what it is found as."""
    code = case.code if entry is case.right[0] else ""
    if not code:
        found = terminology.resolve(entry.name)
        coded = (c.code for c in found.concepts if c.system == ICD_10_CM)
        code = next(coded, "") if found.exact else ""
    return Proposal(case, entry.name, code, entry.cites, entry.against)


def _judged(proposal: Proposal, chart: Chart, terminology: Terminology) -> Assessment:
    candidate = Candidate(
        proposal.name,
        Group.LIKELY,
        (*_evidence(proposal.cites, chart), *proposal.more),
        tuple(_evidence(proposal.against, chart)),
    )
    return assess_candidates(chart, [Differential((candidate,))], terminology)[0]


def _evidence(cites: Sequence[str], chart: Chart) -> Iterator[Evidence]:
    for text in cites:
        if found := cited(text, chart):
            yield Evidence(found[0].id, text.rpartition(":")[2])


def _corrupted(right: Proposal, chart: Chart, terminology: Terminology) -> Iterator[Outcome]:
    for name, corrupt in CORRUPTIONS.items():
        wrong = corrupt(right, chart)
        if wrong is None:
            continue
        now = chart if wrong.case is right.case else chart_of(wrong.case)
        before = _judged(replace(right, cites=wrong.cites) if now is not chart else right,
                         chart, terminology)  # fmt: skip
        after = _judged(wrong, now, terminology)
        caught = after.verdict is not Verdict.SUPPORTED and _is_told(name, before, after)
        yield _outcome(f"caught: {name}", right.case, right.name, caught, after)


def _is_told(corruption: str, before: Assessment, after: Assessment) -> bool:
    """Whether a reason says what was made wrong: one that is not a pass and was not there before.

    Of what was changed in the chart a reason about the citations is none: they were cited of
    another chart. Of an invented name only one about the name is.
    """
    if corruption == "invented name":
        return any(r.result != "pass" and r.check.startswith("name") for r in after.reasons)
    old = {_doubt(r) for r in before.reasons}
    new = {d for r in after.reasons if r.result != "pass" if (d := _doubt(r)) not in old}
    if corruption in OF_CITATIONS:
        return bool(new)
    return any(not check.startswith("evidence") for check, _ in new)


def _doubt(reason: Reason) -> tuple[str, str]:
    return reason.check, reason.result


def milliseconds(cases: Sequence[Case], terminology: Terminology, repeats: int = 21) -> list[float]:
    """How long all rules take for 8 diagnoses and 1,000 facts, made of the facts of many cases.

    The diagnoses are those of the first cases, each with three facts; the first run is left out.
    """
    facts = [fact for case in cases for fact in chart_of(case).facts]
    facts = (facts * (1000 // len(facts) + 1))[:1000]
    facts = [replace(fact, id=f"{fact.id[0]}{n}") for n, fact in enumerate(facts)]
    chart = Chart(chart_of(cases[0]).patient, tuple(facts))
    names = [entry.name for case in cases for entry in case.right][:8]
    told = tuple(Evidence(fact.id, "present") for fact in facts[:3])
    candidates = tuple(Candidate(name, Group.LIKELY, told) for name in names)
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        assess_differentials(chart, [Differential(candidates)], terminology)
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken[1:])
