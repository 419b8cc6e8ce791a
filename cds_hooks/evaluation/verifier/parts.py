"""Three parts of the cases that share no patient: to fit, to calibrate, and to read the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.verifier.coefficient_file import CoefficientFile, Part, Parts

__all__ = ["ThreeParts", "divide", "part_of", "seen_by", "unseen_of"]

_FIT, _CALIBRATE = 0.5, 0.25


@dataclass(frozen=True, slots=True)
class ThreeParts:
    """Cases by what they are used for."""

    fit: tuple[LabelledCase, ...]
    calibrate: tuple[LabelledCase, ...]
    unseen: tuple[LabelledCase, ...]

    @property
    def digests(self) -> Parts:
        """The digests that the file keeps."""
        return Parts(
            fit=part_of(self.fit), calibrate=part_of(self.calibrate), unseen=part_of(self.unseen)
        )


def divide(cases: Sequence[LabelledCase], *, seed: int = 0) -> ThreeParts:
    """Half of the patients to fit, a quarter to calibrate, a quarter unseen.

    By the hash of the patient's digest and the seed: the same whatever the order of cases, and all
    cases of a patient are in one part.
    """
    order = sorted(dict.fromkeys(c.patient for c in cases), key=lambda p: _place(p, seed))
    first, second = round(_FIT * len(order)), round((_FIT + _CALIBRATE) * len(order))
    sides = {p: (i >= first) + (i >= second) for i, p in enumerate(order)}
    return ThreeParts(*(tuple(c for c in cases if sides[c.patient] == side) for side in range(3)))


def part_of(cases: Iterable[LabelledCase]) -> Part:
    """The digests of a part, sorted."""
    told = list(cases)
    return Part(
        case_digests=tuple(sorted({c.case for c in told})),
        patient_digests=tuple(sorted({c.patient for c in told})),
    )


def seen_by(file: CoefficientFile, cases: Iterable[LabelledCase]) -> tuple[LabelledCase, ...]:
    """The cases that a verifier was fitted or calibrated on, or whose patient it was."""
    parts = (file.parts.fit, file.parts.calibrate)
    known = {d for p in parts for d in (*p.case_digests, *p.patient_digests)}
    return tuple(c for c in cases if c.case in known or c.patient in known)


def unseen_of(file: CoefficientFile, cases: Iterable[LabelledCase]) -> tuple[LabelledCase, ...]:
    """The cases that a verifier's file says were kept to measure it."""
    kept = frozenset(file.parts.unseen.case_digests)
    return tuple(c for c in cases if c.case in kept)


def _place(patient: str, seed: int) -> str:
    return hashlib.sha256(f"chartside-verifier-parts\0{seed}\0{patient}".encode()).hexdigest()
