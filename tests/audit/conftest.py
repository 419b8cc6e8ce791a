"""A consultation with something in every field, and a store on the real disk."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.consultation import (
    Assessment,
    Candidate,
    CheckedConsultation,
    Consultation,
    Differential,
    Evidence,
    Group,
    KeyState,
    ModelIdentity,
    Outcome,
    Reason,
    Verdict,
)
from cds_hooks.protocol.cards import Card, Source
from cds_hooks.protocol.feedback import FeedbackEntry
from fhir_mapping.chart import (
    Chart,
    Code,
    Fact,
    Flag,
    Kind,
    Omission,
    PatientFacts,
    QualityNote,
    Range,
)
from prompts.prompt import Message, Prompt, TemplateRef
from tests.audit.ledger_events import SENTINEL

CODE = Code("http://loinc.org", "2160-0", "Creatinine")


@pytest.fixture
def consultation() -> Consultation:
    fact = Fact(
        id="L1",
        kind=Kind.LAB,
        text="Creatinine 1.8 mg/dL (0.6-1.2) high",
        codes=(CODE,),
        value=1.8,
        comparator="<",
        unit="mg/dL",
        range=Range(0.6, 1.2),
        flag=Flag.HIGH,
        days_ago=0.5,
        status="final",
        sources=("Observation/o1",),
    )
    omission = Omission("Observation/o2", "entered-in-error", "not shown", Kind.LAB)
    note = QualityNote("Observation.value", "unit", "no unit")
    evidence = (Evidence("L1", "high"),)
    candidate = Candidate("Acute kidney injury", Group.MUST_NOT_MISS, evidence, (), "urine")
    reason = Reason("evidence-exists", "pass", "L1 is high", ("L1",), "chart")
    assessment = Assessment(
        "Acute kidney injury", Group.LIKELY, Verdict.SUPPORTED, (CODE,), (reason,), evidence
    )
    return CheckedConsultation(
        id="11111111-1111-4111-8111-111111111111",
        key="k1",
        service="chartside-patient-view",
        created=1_700_000_000.25,
        patient_key="p1:abc",
        chart=Chart(PatientFacts(61.5, "female"), (fact,), (omission,), (note,)),
        prompt=Prompt(
            (Message("user", "chart"),),
            TemplateRef("differential", "1", "0" * 64),
            {"type": "object", "enum": ["L1", 1, 2.5, None, {"nested": [True]}]},
            ("L1",),
            (omission,),
            120,
        ),
        model=ModelIdentity("smollm2", "1" * 64, "llama.cpp", "Apache-2.0", True),
        key_states={"patient": KeyState.PREFETCHED, "labs": KeyState.PARTIAL},
        samples=('{"diagnoses": []}',),
        samples_failed=1,
        differentials=(Differential((candidate,), "smollm2", 0),),
        assessments=(assessment,),
        contradictions=(reason,),
        outcome=Outcome.ANSWERED,
        outcome_detail="",
        timings_ms={"map": 1.25},
        tokens={"prompt": 120},
        settings_sha256="2" * 64,
    )


@pytest.fixture
def card() -> Callable[..., Card]:
    def make(uuid: str, summary: str = "Differential for this chart") -> Card:
        return Card(summary, "info", Source("Chartside"), uuid)

    return make


@pytest.fixture
def site_key(tmp_path: Path) -> SiteKey:
    return SiteKey.load(tmp_path / "keys" / "site.key", create=True)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "store" / "chartside.sqlite"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of the store runs on both databases, but those that look at the file itself."""
    if "where" in metafunc.fixturenames:
        names = metafunc.function.__code__.co_varnames
        marked = any(mark.args[0] == "where" for mark in _parametrized(metafunc))
        second = pytest.param("postgresql", marks=pytest.mark.slow)
        kinds = ["sqlite"] if "place" in names else ["sqlite", second]
        if not marked:
            metafunc.parametrize("where", kinds, indirect=True)


def _parametrized(metafunc: pytest.Metafunc) -> Iterator[pytest.Mark]:
    return metafunc.definition.iter_markers("parametrize")


@pytest.fixture
def where(request: pytest.FixtureRequest, place: Path) -> Path | str:
    """An empty database."""
    if request.param == "sqlite":
        return place
    server = request.getfixturevalue("postgresql")
    url: str = server.new_database()
    return url


@pytest.fixture
async def store(where: Path | str, site_key: SiteKey, clock: Clock) -> AsyncIterator[Store]:
    store = Store(StoreConfig(where), site_key, clock=clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def config(where: Path | str, tmp_path: Path) -> StoreConfig:
    return StoreConfig(where, erased_keys=tmp_path / "keys" / "erased")


@pytest.fixture
async def kept(
    config: StoreConfig,
    site_key: SiteKey,
    clock: Clock,
    consultation: Consultation,
    card: Callable[..., Card],
) -> AsyncIterator[Store]:
    """A running store with two patients, each with feedback."""
    store = Store(config, site_key, clock=clock)
    await store.open()
    for name in ("abc", "other"):
        one = dataclasses.replace(
            consultation, id=f"of-{name}", key=name, patient_key=f"p1:{name}", samples=(SENTINEL,)
        )
        await store.save_consultation(one, [card(f"card-{name}", SENTINEL)])
        entry = FeedbackEntry(f"card-{name}", "overridden", user_comment=SENTINEL)
        await store.record_feedback("s", [entry])
    yield store
    await store.close()


@pytest.fixture
def key_operations(config: StoreConfig, site_key: SiteKey, clock: Clock) -> Iterator[KeyOperations]:
    """The store as a command opens it beside the service."""
    with KeyOperations(config, site_key, clock=clock) as key_operations:
        yield key_operations
