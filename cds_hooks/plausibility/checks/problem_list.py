"""What the problem list already says of the diagnosis.

Recorded is what the list holds as the same condition or a narrower one. An acute event (a
complication, an exacerbation, a new episode) is not recorded by its chronic form, nor by an
episode of long ago: these are known as what it comes of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.chart.indexed_chart import DiagnosisIdentity, RecordedProblem
from cds_hooks.plausibility.checks.check import ABSTAIN, FAIL, PASS, CheckedDiagnosis
from cds_hooks.plausibility.rules.acute_events import (
    acute_forms,
    acute_source,
    is_acute,
    same_event_days,
)
from fhir_mapping.chart import Experiencer, Polarity

__all__ = ["AlreadyRecorded", "KnownChronicForm", "RefutedInChart"]


def _covered(wide: DiagnosisIdentity, narrow: DiagnosisIdentity) -> str:
    """How it is known that one is the other or a kind of it; "" where it is not."""
    if wide.covers_code(narrow):
        return "by code"
    return "by name" if wide.covers_name(narrow) else ""


def _listed(case: CheckedDiagnosis, problem: RecordedProblem) -> str:
    """How it is known that a problem is this diagnosis or a narrower one, whenever it was."""
    return _covered(case.identity, problem.identity)


def _recorded(case: CheckedDiagnosis, problem: RecordedProblem) -> str:
    """How it is known that a problem is this very diagnosis, or a narrower one; "" if it is not,
    or may be another episode."""
    how = _listed(case, problem)
    return how if how and _same_time(case, problem) else ""


def _same_time(case: CheckedDiagnosis, problem: RecordedProblem) -> bool:
    """Whether a problem may be what is going on now: always for what lasts; of an acute event only
    another one that began within weeks."""
    if not _event(case):
        return True
    began = problem.fact.days_ago
    return _event_recorded(problem) and began is not None and began <= same_event_days()


def _event(case: CheckedDiagnosis) -> bool:
    found = case.resolution
    options = [is_acute("", (o.concept,)) for o in found.options]
    named = is_acute(case.name, found.concepts if found.exact else ())
    return named or (bool(options) and all(options))


def _event_recorded(problem: RecordedProblem) -> bool:
    names = (c.display for c in problem.fact.codes if c.display)
    return is_acute(next(names, problem.fact.text), problem.concepts)


@dataclass(frozen=True, slots=True)
class AlreadyRecorded:
    """Fails when the problem list holds it, or a narrower one, as current: nothing new is
    proposed. Acute events of long ago, or without a date, are not current."""

    id: str = "already-recorded"
    source: str = "the chart's problem list"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        problems = case.indexed.problems
        current = [(p, how) for p in problems if p.active and (how := _recorded(case, p))]
        past = [p for p in problems if not p.active and not p.refuted and _listed(case, p)]
        if current:
            text = f"on the problem list ({current[0][1]})"
            yield Reason(self.id, FAIL, text, tuple(p.fact.id for p, _ in current), self.source)
        elif past:
            ids = tuple(p.fact.id for p in past)
            text = "on the problem list, but as over or not confirmed"
            yield Reason(self.id, ABSTAIN, text, ids, self.source)
        else:
            yield Reason(self.id, PASS, "not on the problem list", source=self.source)


@dataclass(frozen=True, slots=True)
class KnownChronicForm:
    """Passes when it is an acute event, or a more specific form, of a recorded problem: known
    disease makes it likelier, and does not record it."""

    id: str = "known-chronic-form"

    @property
    def source(self) -> str:
        return acute_source()

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        acute = _event(case)
        text = "acute event" if acute else "more specific form"
        comes_of = _comes_of(case) if acute else ()
        known = tuple(
            p.fact.id
            for p in case.indexed.problems
            if _is_so(p)
            and (_acute_of(case, p, comes_of) if acute else _kind_of(case, p))
            and not _recorded(case, p)
        )
        if known:
            yield Reason(self.id, PASS, f"{text} of a recorded condition", known, self.source)


def _is_so(problem: RecordedProblem) -> bool:
    """Whether a problem is, or was, the patient's own."""
    fact = problem.fact
    return fact.experiencer is Experiencer.PATIENT and fact.polarity is Polarity.PRESENT


def _comes_of(case: CheckedDiagnosis) -> tuple[str, ...]:
    """The codes of what an acute event may come of: its own categories, and those of the table."""
    own = {c[:3] for c in case.identity.icd}
    return (*own, *(code for f in acute_forms() if f.names(case.concepts) for code in f.of))


def _acute_of(case: CheckedDiagnosis, problem: RecordedProblem, comes_of: tuple[str, ...]) -> bool:
    coded = any(c.startswith(comes_of) for c in problem.identity.icd)
    return coded or bool(_listed(case, problem))


def _kind_of(case: CheckedDiagnosis, problem: RecordedProblem) -> bool:
    return problem.active and bool(_covered(problem.identity, case.identity))


@dataclass(frozen=True, slots=True)
class RefutedInChart:
    """Fails when the problem list says that the patient does not have it, or what it is a kind
    of. That an acute event was refuted long ago says nothing of today."""

    id: str = "refuted-in-chart"
    source: str = "FHIR Condition.verificationStatus refuted"

    def __call__(self, case: CheckedDiagnosis) -> Iterator[Reason]:
        ids = tuple(p.fact.id for p in case.indexed.problems if p.refuted and self._says(case, p))
        if ids:
            yield Reason(self.id, FAIL, "recorded as refuted", ids, self.source)

    @staticmethod
    def _says(case: CheckedDiagnosis, problem: RecordedProblem) -> bool:
        began = problem.fact.days_ago
        past = _event(case) and began is not None and began > same_event_days()
        denied, named = problem.identity, case.identity
        return (denied.covers_code(named) or denied.same_concept(named)) and not past
