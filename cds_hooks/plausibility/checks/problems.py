"""What the problem list already says of the diagnosis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.consultation import Reason
from cds_hooks.plausibility.checks.base import ABSTAIN, FAIL, PASS, Case
from cds_hooks.plausibility.record import Problem

__all__ = ["AlreadyRecorded", "RefutedInChart"]


def _matches(case: Case, among: Iterable[Problem]) -> list[tuple[Problem, str]]:
    """Those of the problems that are this diagnosis, with how that is known."""
    found = []
    for problem in among:
        if case.identity.same_code(problem.identity):
            found.append((problem, "by code"))
        elif case.identity.same_concept(problem.identity):
            found.append((problem, "by name"))
    return found


@dataclass(frozen=True, slots=True)
class AlreadyRecorded:
    """Fails when the problem list holds it as current: nothing new is proposed."""

    id: str = "already-recorded"
    source: str = "the chart's problem list"

    def __call__(self, case: Case) -> Iterator[Reason]:
        matches = _matches(case, case.record.problems)
        current = [(p, how) for p, how in matches if p.active]
        past = [p for p, _ in matches if not p.active and not p.refuted]
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
class RefutedInChart:
    """Fails when the problem list says that the patient does not have it."""

    id: str = "refuted-in-chart"
    source: str = "FHIR Condition.verificationStatus refuted"

    def __call__(self, case: Case) -> Iterator[Reason]:
        refuted = (p for p in case.record.problems if p.refuted)
        ids = tuple(p.fact.id for p, _ in _matches(case, refuted))
        if ids:
            yield Reason(self.id, FAIL, "recorded as refuted", ids, self.source)
