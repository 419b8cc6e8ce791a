"""A store with a ledger, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome
from cds_hooks.protocol.cards import Card, Source
from fhir_mapping.chart import Chart, Code, Fact, Kind, PatientFacts
from tests.ledger.verifying import make_ledger


@pytest.fixture
def site_key(tmp_path: Path) -> SiteKey:
    return SiteKey.load(tmp_path / "keys" / "site.key", create=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An empty database."""
    if request.param == "sqlite":
        return tmp_path / "store" / "s.sqlite"
    url: str = request.getfixturevalue("postgresql").new_database()
    return url


@pytest.fixture
async def store(where: Path | str, site_key: SiteKey) -> AsyncIterator[Store]:
    store = Store(StoreConfig(where), site_key)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def consultation() -> Consultation:
    fact = Fact(
        id="L1",
        kind=Kind.LAB,
        text="Creatinine 1.8 mg/dL, Jane Doe",
        codes=(Code("http://loinc.org", "2160-0", "Creatinine"),),
        sources=("Observation/secret-id",),
    )
    return CheckedConsultation(
        id="11111111-1111-4111-8111-111111111111",
        key="k1",
        service="chartside-patient-view",
        created=4_000_000_000.0,
        patient_key="p1:abc",
        chart=Chart(PatientFacts(61.5, "female"), (fact,)),
        samples=('{"diagnoses": ["Acute kidney injury"]}',),
        outcome=Outcome.ANSWERED,
        timings_ms={"map": 1.25},
    )


@pytest.fixture
def card() -> Callable[..., Card]:
    def make(uuid: str, summary: str = "Acute kidney injury, Jane Doe") -> Card:
        return Card(summary, "info", Source("Chartside"), uuid)

    return make


@pytest.fixture(scope="session")
def made_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of COUNT records, its site key and its public key."""
    folder = tmp_path_factory.mktemp("made")
    make_ledger(folder)
    return folder


@pytest.fixture
def kept_site(made_ledger: Path, tmp_path: Path) -> Path:
    """A copy of `made_ledger` with a settings file."""
    shutil.copytree(made_ledger, tmp_path, dirs_exist_ok=True)
    (tmp_path / "chartside.toml").write_text(
        f'[store]\npath = "{tmp_path}/s.sqlite"\nsite_key = "{tmp_path}/site.key"\n'
    )
    return tmp_path
