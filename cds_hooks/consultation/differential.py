"""What one sample of a model wrote, parsed and validated again after decoding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Candidate",
    "Differential",
    "Evidence",
    "Group",
]


class Group(StrEnum):
    """Why a model listed a diagnosis."""

    LIKELY = "likely"
    MUST_NOT_MISS = "must-not-miss"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A cited fact and what is claimed of it: high, low, abnormal, normal, present or absent."""

    fact_id: str
    claim: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One diagnosis as one sample wrote it.

    `log_probability` is that of a name written along the terminology, over `name_tokens` tokens
    (`inference.engine.NameProbability`); None of free text.
    """

    diagnosis: str
    group: Group
    evidence_for: tuple[Evidence, ...] = ()
    evidence_against: tuple[Evidence, ...] = ()
    discriminator: str = ""
    log_probability: float | None = None
    name_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Differential:
    """What one sample of a model said, parsed and validated again after decoding."""

    candidates: tuple[Candidate, ...]
    model: str = ""
    sample: int = 0
