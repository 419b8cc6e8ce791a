"""Which part a case goes to, and which cases are too much like one that is measured on. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cds_hooks.evaluation.labels import label_key
from cds_hooks.evaluation.suites.duplicates import ALIKE
from cds_hooks.evaluation.suites.similarity import vectors
from cds_hooks.tuning.draft import Draft, MeasuredCase
from cds_hooks.tuning.manifest import RemovedCase

__all__ = ["Part", "Shares", "divide", "part_of", "without_near_duplicates"]

_WHOLE = 1 << 64


class Part(StrEnum):
    """What the cases of a part are for."""

    TRAIN = "train"
    HELDOUT = "heldout"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of patients whose cases end the training by their loss, and that are never seen."""

    heldout: float = 0.1
    unseen: float = 0.2

    def __post_init__(self) -> None:
        # Asked this way round, what is not a number is refused too.
        if not (self.heldout >= 0 and self.unseen >= 0 and self.heldout + self.unseen < 1):
            raise ValueError("shares are not negative, and leave something to train on")


def part_of(patient: str, seed: int, shares: Shares) -> Part:
    """The part of all cases of a patient: by a hash, so that it is the same in every set made with
    this seed, whatever else is in it."""
    raw = hashlib.sha256(f"chartside-split\0{seed}\0{patient}".encode()).digest()[:8]
    place = int.from_bytes(raw) / _WHOLE
    if place < shares.unseen:
        return Part.UNSEEN
    return Part.HELDOUT if place < shares.unseen + shares.heldout else Part.TRAIN


def divide(drafts: Iterable[Draft], seed: int, shares: Shares) -> dict[Part, list[Draft]]:
    """Drafts by part, each in the order in which they came."""
    found: dict[Part, list[Draft]] = {part: [] for part in Part}
    for draft in drafts:
        found[part_of(draft.patient, seed, shares)].append(draft)
    return found


def without_near_duplicates(
    parts: dict[Part, list[Draft]], measured: Sequence[MeasuredCase], *, alike: float = ALIKE
) -> tuple[dict[Part, list[Draft]], list[RemovedCase]]:
    """The parts without drafts that are like a measured case, whatever its truth.

    Cases of `unseen` are measured on too: what is like one leaves the other parts. What is like
    one of `heldout` leaves `train`, or its loss would not tell when to stop.
    """
    removed: list[RemovedCase] = []
    unseen = _separated(parts[Part.UNSEEN], measured, alike, removed)
    known = [*measured, *(_named(d, Part.UNSEEN) for d in unseen)]
    heldout = _separated(parts[Part.HELDOUT], known, alike, removed)
    known += [_named(d, Part.HELDOUT) for d in heldout]
    train = _separated(parts[Part.TRAIN], known, alike, removed)
    return {Part.TRAIN: train, Part.HELDOUT: heldout, Part.UNSEEN: unseen}, removed


def _named(draft: Draft, part: Part) -> MeasuredCase:
    one = draft.measured
    return MeasuredCase(id=one.id, suite=f"{part.value} part", words=one.words, keys=one.keys)


def _separated(
    drafts: Sequence[Draft],
    measured: Sequence[MeasuredCase],
    alike: float,
    removed: list[RemovedCase],
) -> list[Draft]:
    if not drafts or not measured:
        return list(drafts)
    table = vectors([*(d.words for d in drafts), *(m.words for m in measured)])
    cosines = table[: len(drafts)] @ table[len(drafts) :].T
    nearest = np.argmax(cosines, axis=1)
    kept = []
    for row, draft in enumerate(drafts):
        like = measured[int(nearest[row])]
        cosine = float(cosines[row, nearest[row]])
        if cosine < alike:
            kept.append(draft)
            continue
        removed.append(
            RemovedCase(
                id=draft.id,
                like=like.id,
                suite=like.suite,
                cosine=round(cosine, 4),
                same_answer=not like.keys.isdisjoint(map(label_key, draft.names)),
            )
        )
    return kept
