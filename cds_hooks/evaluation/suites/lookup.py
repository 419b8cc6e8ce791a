"""What a look-up among the other cases of a suite would answer: a baseline without any model.

A suite on which this scores high measures likeness to its own cases, not medicine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cds_hooks.evaluation.suites.leaks import content_words
from cds_hooks.evaluation.suites.similarity import vectors
from cds_hooks.evaluation.suites.suite import EvaluationCase

__all__ = ["look_up", "tokens"]

Resource = Mapping[str, Any]


def look_up(cases: Sequence[EvaluationCase], *, answers: int = 5) -> list[tuple[str, ...]]:
    """For each case the different diagnoses of the most similar other cases, nearest first."""
    table = vectors([list(tokens(c)) for c in cases])
    cosines = table @ table.T
    np.fill_diagonal(cosines, -1.0)
    ranked = np.argsort(-cosines, axis=1, kind="stable")
    golds = [c.gold.name for c in cases]
    return [
        tuple(dict.fromkeys(golds[j] for j in row.tolist() if j != i))[:answers]
        for i, row in enumerate(ranked)
    ]


def tokens(case: EvaluationCase) -> Iterator[str]:
    """What a look-up sees: words of complaints and problems, codes of results with their flags,
    and the words of the text where the case is one."""
    if not case.resources:
        yield from content_words(case.text)
    for resource in case.resources:
        match resource.get("resourceType"):
            case "Encounter":
                for reason in resource.get("reasonCode", ()):
                    yield from content_words(str(reason.get("text", "")))
            case "Condition":
                yield from (f"problem {w}" for w in content_words(_name(resource)))
            case "Observation":
                yield f"{_name(resource)} {_flag(resource)}"
            case "DocumentReference":
                yield from content_words(case.text)


def _name(resource: Resource) -> str:
    code = resource.get("code", {})
    return str(code.get("text") or next((c.get("code") for c in code.get("coding", ())), ""))


def _flag(observation: Resource) -> str:
    codes = (
        str(coding.get("code", ""))
        for concept in observation.get("interpretation", ())
        for coding in concept.get("coding", ())
    )
    return next(codes, "")
