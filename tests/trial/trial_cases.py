"""Cases of a trial, made short; with a generator of cases whose rates are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from cds_hooks.consultation import Verdict
from cds_hooks.trial.cases import Code, Finding, Outcome, Proposed, TrialCase

ASKED = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def icd(*codes: str) -> tuple[Code, ...]:
    return tuple((ICD, code) for code in codes)


def proposed(code: str = "", verdict: Verdict = Verdict.PLAUSIBLE, **more: Any) -> Proposed:
    return Proposed(icd(code) if code else (), verdict, **more)


def outcome(code: str, hours: float = 5.0, source: str = "encounter-diagnosis") -> Outcome:
    return Outcome(ICD, code, source, ASKED + timedelta(hours=hours))


def case(
    number: int,
    listed: Sequence[Proposed | str] = (),
    outcomes: Sequence[Outcome | str] | None = (),
    **more: Any,
) -> TrialCase:
    """A case of its own patient and encounter, unless told otherwise."""
    given = {
        "consultation": f"c{number}",
        "patient": f"p{number}",
        "encounter": f"e{number}",
        "service": "diagnostic-review",
        "asked": ASKED,
        "hour": 14,
        "age_band": "45 to 64",
        "sex": "female",
    } | more
    return TrialCase(
        **given,
        proposed=tuple(proposed(p) if isinstance(p, str) else p for p in listed),
        outcomes=None
        if outcomes is None
        else tuple(outcome(o) if isinstance(o, str) else o for o in outcomes),
    )


def finding(rule: str, *codes: str) -> Finding:
    return Finding(rule, icd(*codes))


def drawn(n: int, top1: float, rng: np.random.Generator, **more: Any) -> list[TrialCase]:
    """`n` cases with one outcome each, of which the first diagnosis is right in a share `top1`."""
    hits = rng.random(n) < top1
    return [
        case(number, ["I21.4" if hit else "J18.9", "K35.80"], ["I21.4"], **more)
        for number, hit in enumerate(hits.tolist())
    ]
