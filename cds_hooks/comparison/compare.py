"""The comparison of two consultations, part by part."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.comparison.basis import (
    basis_differences,
    outcome_differences,
    part_differences,
    rule_differences,
)
from cds_hooks.comparison.cards import card_differences
from cds_hooks.comparison.causes import Cause, Found, causes_of
from cds_hooks.comparison.diagnoses import DiagnosisDifference, compared_diagnoses
from cds_hooks.comparison.differences import Difference, Side, Timing
from cds_hooks.comparison.facts import FactDifference, fact_differences, omission_differences
from cds_hooks.comparison.prompts import prompt_differences
from cds_hooks.comparison.samples import SampleDifference, compared_samples
from cds_hooks.consultation import Consultation

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All parts of two consultations, as the package's docstring lists them. `samples` and
    `diagnoses` hold every one of both sides, the others only what differs."""

    basis: tuple[Difference, ...]
    parts: tuple[Difference, ...]
    facts: tuple[FactDifference, ...]
    omissions: tuple[Difference, ...]
    rules: tuple[Difference, ...]
    prompt: tuple[Difference, ...]
    outcome: tuple[Difference, ...]
    samples: tuple[SampleDifference, ...]
    diagnoses: tuple[DiagnosisDifference, ...]
    cards: tuple[Difference, ...]
    timings: tuple[Timing, ...]

    @property
    def found(self) -> Found:
        """The names of what differs, by part, in the order of the pipeline."""
        return {
            "basis": [each.what for each in self.basis],
            "parts": [each.what for each in self.parts],
            "facts": [_told(each) for each in self.facts] + [each.what for each in self.omissions],
            "rules": [each.what for each in self.rules],
            "prompt": [each.what for each in self.prompt],
            "outcome": [each.what for each in self.outcome],
            "samples": [f"sample {each.number}" for each in self.samples if not each.same],
            "diagnoses": [each.name for each in self.diagnoses if each.differs],
            "cards": [each.what for each in self.cards],
        }

    @property
    def stages(self) -> tuple[str, ...]:
        """The parts that differ; empty for two that are the same."""
        return tuple(part for part, names in self.found.items() if names)

    @property
    def same(self) -> bool:
        """Whether nothing differs but how long it took."""
        return not self.stages

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Why they differ, most basic first; empty for two that are the same."""
        return causes_of(self.found)

    def facts_behind(self, diagnosis: DiagnosisDifference) -> tuple[FactDifference, ...]:
        """The facts that differ and that this diagnosis cites or its reasons saw, on either
        side."""
        one = diagnosis.before.fact_ids if diagnosis.before else frozenset()
        two = diagnosis.after.fact_ids if diagnosis.after else frozenset()
        return tuple(
            each
            for each in self.facts
            if (each.before and each.before.id in one) or (each.after and each.after.id in two)
        )


def compare(before: Side, after: Side) -> Comparison:
    """What differs between two consultations, of one patient or of two."""
    one, two = before.consultation, after.consultation
    return Comparison(
        basis=basis_differences(before, after),
        parts=part_differences(one, two),
        facts=fact_differences(one.chart, two.chart),
        omissions=omission_differences(one.chart, two.chart),
        rules=rule_differences(one, two),
        prompt=prompt_differences(one.prompt, two.prompt),
        outcome=outcome_differences(one, two),
        samples=compared_samples(one, two),
        diagnoses=compared_diagnoses(one, two),
        cards=card_differences(before.cards, after.cards),
        timings=_timings(one, two),
    )


def _told(each: FactDifference) -> str:
    """ "added L3": a number and what became of it, never the fact's words."""
    ids = dict.fromkeys(fact.id for fact in (each.before, each.after) if fact)
    return f"{each.change} {' as '.join(ids)}"


def _timings(one: Consultation, two: Consultation) -> tuple[Timing, ...]:
    first, second = one.timings_ms, two.timings_ms
    stages = dict.fromkeys((*first, *second))
    return tuple(Timing(stage, first.get(stage), second.get(stage)) for stage in stages)
