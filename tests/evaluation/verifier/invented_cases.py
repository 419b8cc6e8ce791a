"""Cases with known truths, made by a generator: which of their features matters is chosen here."""

from __future__ import annotations

import hashlib
import math
import random

from cds_hooks.evaluation.verifier.labelled import LabelledCase
from cds_hooks.evaluation.verifier.making import Origin
from cds_hooks.verifier import ConsultationEvidence, NameEvidence, ProposedDiagnosis
from cds_hooks.verifier.coefficient_file import Dataset

__all__ = ["MODELS", "ORIGIN", "invented", "sha256"]

MODELS = ("small",) * 3
ORIGIN = Origin(
    data=(Dataset(title="invented", sha256="d" * 64),),
    task="open-ended",
    match="exact",
    models=("small",),
    samples=3,
)
_PLACES = ((1, 1, None), (2, None, 1), (None, 2, 2))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def invented(count: int, *, seed: int = 0, per_patient: int = 1) -> list[LabelledCase]:
    """Three diagnoses a case. Votes mean nothing; P(true) is that of being right, and not known of
    every fifth case."""
    draw = random.Random(seed)
    cases = []
    for number in range(count):
        truth = draw.choice([0, 1, 2, None])
        proposed, asked = [], number % 5 != 0
        for index, places in enumerate(draw.sample(_PLACES, 3)):
            odds = draw.gauss(2.0 if index == truth else -2.0, 1.0)
            told = NameEvidence(p_true=1 / (1 + math.exp(-odds)) if asked else None)
            proposed.append(ProposedDiagnosis(places=places, failed=frozenset(), name=told))
        cases.append(
            LabelledCase(
                case=sha256(f"{seed}-{number}"),
                patient=sha256(f"patient {seed}-{number // per_patient}"),
                evidence=ConsultationEvidence(MODELS, tuple(proposed)),
                right=tuple(index == truth for index in range(3)),
            )
        )
    return cases
