"""What each sample of a model listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from cds_hooks.consultation import Consultation, InferredConsultation

__all__ = ["SampleDifference", "compared_samples"]


@dataclass(frozen=True, slots=True)
class SampleDifference:
    """Sample `number` from 1. `same`: both wrote it byte for byte. `before` and `after` are the
    names that each listed, in order; None where that side has no such sample."""

    number: int
    same: bool
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None


def compared_samples(before: Consultation, after: Consultation) -> tuple[SampleDifference, ...]:
    """Every sample of both, paired by place. A sample that is no differential lists nothing."""
    one, two = (_texts(side) for side in (before, after))
    pairs = zip_longest(zip(one, _names(before), strict=True), zip(two, _names(after), strict=True))
    return tuple(
        SampleDifference(
            number=n,
            same=bool(a and b and a[0] == b[0]),
            before=a[1] if a else None,
            after=b[1] if b else None,
        )
        for n, (a, b) in enumerate(pairs, 1)
    )


def _texts(done: Consultation) -> Sequence[str]:
    return done.samples if isinstance(done, InferredConsultation) else ()


def _names(done: Consultation) -> list[tuple[str, ...]]:
    """What each sample listed: differentials name their model and number within it."""
    if not isinstance(done, InferredConsultation):
        return []
    listed = {
        (said.model if done.sample_models else "", said.sample): said for said in done.differentials
    }
    seen: dict[str, int] = {}
    names = []
    for place, _ in enumerate(done.samples):
        model = done.sample_models[place] if place < len(done.sample_models) else ""
        number = seen.get(model, 0)
        seen[model] = number + 1
        said = listed.get((model, number))
        names.append(tuple(each.diagnosis for each in said.candidates) if said else ())
    return names
