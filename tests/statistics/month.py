"""A made-up month of a service on a real store, and the same as plain rows to count by hand.

Everything is written by the store's own calls, under a clock that is moved. The rows are what a
test recomputes figures from, without any code of the service.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    CheckedConsultation,
    Group,
    KeyState,
    ModelIdentity,
    Outcome,
    Reason,
    RecordedCall,
    Seriousness,
    Verdict,
)
from cds_hooks.protocol.cards import Card, Coding, Source
from cds_hooks.protocol.feedback import FeedbackEntry
from fhir_mapping.chart import Chart, Fact, Kind, PatientFacts
from prompts.prompt import Message, Prompt, TemplateRef
from tests.consultations import with_outcome

__all__ = ["MovedClock", "Row", "base", "record", "rows_of", "store_of"]

SERVICES = ("chartside-patient-view", "chartside-encounter-start")
MODELS = ("smollm2", "medgemma")
RULES = ("severe-hyperkalemia", "sepsis-pattern", "wells-pe", "rare-thing")
_FAILED = (Outcome.DEADLINE, Outcome.ENGINE_FAILED, Outcome.OVERLOADED)
_REASONS = ("patient-ineligible", "action-completed", "of the client's own", "")
_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"


@dataclass(frozen=True)
class Row:
    """One consultation: when it was, for whom, how it ended, and what was said of it."""

    number: int
    at: datetime
    service: str
    model: str
    age: float | None
    sex: str | None
    outcome: Outcome
    late: bool
    shown: bool
    rules: tuple[str, ...]
    failed_checks: tuple[str, ...]
    contradicted: bool
    ms: tuple[float, float]
    feedback: str = ""
    reason: str = ""
    said: tuple[str, ...] = field(default=())


def rows_of(
    number: int, last: datetime, *, days: int = 28, drift_s: float = 5 * 86_400.0, seed: int = 7
) -> tuple[Row, ...]:
    """`number` made-up consultations in the `days` days up to `last`, the earliest first.

    In the last `drift_s` seconds one rule speaks more often, so that there is a drift to find.
    """
    dice = random.Random(seed)
    begin, drifting = last - timedelta(days=days), last - timedelta(seconds=drift_s)
    times = sorted(begin + timedelta(days=days) * dice.random() for _ in range(number))
    return tuple(_row(n, at, dice, at > drifting) for n, at in enumerate(times))


def _row(number: int, at: datetime, dice: random.Random, drifted: bool) -> Row:
    outcome = dice.choices(
        [Outcome.ANSWERED, Outcome.EMPTY, Outcome.REUSED, *_FAILED], [70, 8, 12, 5, 3, 2]
    )[0]
    chances = (0.12, 0.55 if drifted else 0.15, 0.06, 0.004)
    rules = tuple(r for r, chance in zip(RULES, chances, strict=True) if dice.random() < chance)
    contradicted = outcome is Outcome.ANSWERED and dice.random() < 0.2
    feedback = dice.choices(["", "accepted", "overridden"], [6, 2, 2])[0]
    age = None if dice.random() < 0.03 else 95 * dice.random() ** 0.7
    return Row(
        number=number,
        at=at.replace(microsecond=0),
        service=dice.choices(SERVICES, [5, 1])[0],
        model=MODELS[drifted],
        age=age,
        sex=dice.choices(["female", "male", "unknown", None], [52, 44, 2, 2])[0],
        outcome=outcome,
        late=outcome is not Outcome.REUSED and dice.random() < 0.25,
        shown=bool(rules) or dice.random() < 0.7,
        rules=rules,
        failed_checks=("age-range",) if contradicted else (),
        contradicted=contradicted,
        ms=(20 + 400 * dice.random(), 500 + 9000 * dice.random() ** 2),
        feedback=feedback,
        reason=dice.choice(_REASONS) if feedback == "overridden" else "",
    )


async def record(store: Store, clock: MovedClock, rows: tuple[Row, ...]) -> None:
    """Write the rows as the service would: what is late is first pending, then answered."""
    for row in rows:
        clock.now = row.at.replace(tzinfo=UTC).timestamp()
        await _record(store, clock, row)


async def _record(store: Store, clock: MovedClock, row: Row) -> None:
    done = _consultation(row, clock.now)
    cards = _cards(row)
    call = RecordedCall(hook="patient-view", hook_instance=f"i-{row.number}")
    if row.late:
        await store.save_consultation(with_outcome(done, Outcome.PENDING), cards, call)
        await store.save_consultation(done)
    elif row.outcome is Outcome.REUSED:
        await store.save_consultation(done, cards, call)
    else:
        await store.save_consultation(done)
        await store.save_cards(done, cards, call)
    if row.feedback and cards:
        await store.record_feedback(row.service, [_entry(row, cards[0].uuid)])


def _cards(row: Row) -> tuple[Card, ...]:
    if not row.shown:
        return ()
    return (Card("Two diagnoses to consider", "info", Source("Chartside"), f"card-{row.number}"),)


def _entry(row: Row, card: str) -> FeedbackEntry:
    reason = Coding(row.reason, _SYSTEM, "as shown") if row.reason else None
    outcome: Any = row.feedback
    return FeedbackEntry(card, outcome, override_reason=reason)


def _consultation(row: Row, created: float) -> Any:
    findings = tuple(
        ChartFinding(rule, rule, Seriousness.SERIOUS, ("told",), (), "source") for rule in row.rules
    )
    reasons = tuple(Reason(check, "fail") for check in row.failed_checks)
    verdict = Verdict.CONTRADICTED if row.contradicted else Verdict.SUPPORTED
    listed = (Assessment("Made-up disease", Group.LIKELY, verdict, reasons=reasons),)
    (gather, model), common = row.ms, base()
    changed = replace(
        common,
        id=f"consultation-{row.number}",
        key=f"key-{row.number}",
        service=row.service,
        created=created,
        patient_key=f"p1:{row.number}",
        chart=Chart(PatientFacts(row.age, row.sex), common.chart.facts, (), ()),
        model=ModelIdentity(row.model, "1" * 64, "llama.cpp"),
        chart_findings=findings,
        contradictions=(),
        medication_concerns=(),
        assessments=listed if row.outcome is Outcome.ANSWERED else (),
        timings_ms={"gather": gather, "map": 10.0, "model": model, "model.decode": model - 5.0},
    )
    return with_outcome(changed, row.outcome)


class MovedClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_100.0

    def __call__(self) -> float:
        return self.now


def base() -> CheckedConsultation:
    """What all made-up consultations have in common."""
    fact = Fact("L1", Kind.LAB, "Creatinine 1.8 mg/dL", value=1.8, sources=("Observation/o1",))
    template = TemplateRef("differential", "1", "0" * 64)
    prompt = Prompt((Message("user", "chart"),), template, {"type": "object"}, ("L1",), (), 120)
    chart = Chart(PatientFacts(61.5, "female"), (fact,), (), ())
    return CheckedConsultation(
        id="", key="", service="", created=0.0, patient_key="", chart=chart, prompt=prompt,
        key_states={"patient": KeyState.PREFETCHED}, samples=("{}",), outcome=Outcome.ANSWERED,
    )  # fmt: skip


def store_of(place: Path | str, folder: Path, clock: MovedClock) -> Store:
    """A store with a key of its own, not opened yet."""
    key = SiteKey.load(folder / "site.key", create=True)
    return Store(StoreConfig(place), key, clock=clock)
