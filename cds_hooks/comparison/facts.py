"""Which facts of a chart are new, gone, or say something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cds_hooks.comparison.differences import Difference, differing
from fhir_mapping.chart import Chart, Fact, PatientFacts
from fhir_mapping.diff import Change, diff

__all__ = ["FactDifference", "fact_differences", "omission_differences"]

_FIELDS = ("text", "flag", "status", "polarity", "certainty", "experiencer")


@dataclass(frozen=True, slots=True)
class FactDifference:
    """One fact that differs; `fields` are those of `Fact` that changed, where both sides have it.

    The ids are each side's own: `before.id` and `after.id` of one fact may differ.
    """

    change: Literal["added", "removed", "changed", "resolved"]
    before: Fact | None = None
    after: Fact | None = None
    fields: tuple[str, ...] = ()

    @property
    def fact(self) -> Fact:
        """The later form of it. One of both is there."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 - an invariant, for the type checker
        return found


def fact_differences(before: Chart, after: Chart) -> tuple[FactDifference, ...]:
    """All that differs, as `fhir_mapping.diff` matches facts: numbers and ages do not count."""
    found = diff(before, after)
    return (
        *(FactDifference("added", after=fact) for fact in found.new),
        *(FactDifference("removed", before=fact) for fact in found.gone),
        *(_changed("changed", change) for change in found.changed),
        *(_changed("resolved", change) for change in found.resolved),
    )


def _changed(kind: Literal["changed", "resolved"], change: Change) -> FactDifference:
    one, two = change.before, change.now
    fields = tuple(name for name in _FIELDS if getattr(one, name) != getattr(two, name))
    return FactDifference(kind, one, two, fields)


def omission_differences(before: Chart, after: Chart) -> tuple[Difference, ...]:
    """How many were left out for each reason, and what is told of the patient."""
    return tuple(differing(dict(_counts(before)), dict(_counts(after))))


def _counts(chart: Chart) -> Iterator[tuple[str, str]]:
    yield from _patient(chart.patient)
    for reason, count in sorted(Counter(each.reason for each in chart.omissions).items()):
        yield reason, str(count)


def _patient(patient: PatientFacts) -> Iterator[tuple[str, str]]:
    yield "age", patient.age_text
    yield "recorded sex", patient.recorded_sex or "not recorded"
    yield "deceased", "yes" if patient.deceased else "no"
