"""A consultant over the real parts; only the model is a fake, which answers what a test says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import prompts
from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.cards.card_settings import CardSettings
from cds_hooks.cds_client.requests import hook_request, place_in_time
from cds_hooks.consult import Consultant, ConsultationPages, ConsultConfig, Dependencies
from cds_hooks.consult.service_settings import ServiceSettings
from cds_hooks.consultation import Consultation
from cds_hooks.gather import GatherResult, gather
from cds_hooks.gather.fhir_settings import FhirSettings
from cds_hooks.inference.engine import Engine
from cds_hooks.inference.model_settings import ModelSettings
from cds_hooks.plausibility import Terminology
from cds_hooks.protocol.request import HookRequest, parse_request
from cds_hooks.services import ServiceDefinition, find

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "cds_hooks" / "cds_client" / "sample_patients" / "breathless.json"


@pytest.fixture(scope="session")
def terminology() -> Iterator[Terminology]:
    with Terminology(ROOT / "build" / "terminology.sqlite") as opened:
        yield opened


@pytest.fixture
def service() -> ServiceDefinition:
    found = find("chartside-patient-view")
    assert found is not None
    return found


@pytest.fixture
def resources() -> list[dict[str, Any]]:
    """The demonstration patient, placed before now."""
    bundle = place_in_time(json.loads(DEMO.read_text()), datetime.now(UTC))
    return [entry["resource"] for entry in bundle["entry"]]


@pytest.fixture
def make_request(service: ServiceDefinition) -> Callable[[list[dict[str, Any]]], HookRequest]:
    def make(resources: list[dict[str, Any]]) -> HookRequest:
        body = hook_request(
            "patient-view",
            service.prefetch,
            resources,
            patient_id="demo-1",
            encounter_id="enc-1",
        )
        return parse_request(json.dumps(body).encode(), service.on)

    return make


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    key = SiteKey.load(tmp_path / "site.key", create=True)
    opened = Store(StoreConfig(tmp_path / "store.sqlite"), key)
    await opened.open()
    yield opened
    await opened.close()


async def _gather(
    service: ServiceDefinition, request: HookRequest, *, deadline_s: float
) -> GatherResult:
    context = {"patientId": request.context.patient_id}
    return await gather(request.prefetch, service.prefetch, context, deadline_s=deadline_s)


@pytest.fixture
def seen() -> list[Consultation]:
    """What the observer saw."""
    return []


@pytest.fixture
def make_consultant(
    store: Store, terminology: Terminology, tmp_path: Path, seen: list[Consultation]
) -> Callable[..., Consultant]:
    own = store

    def make(engine: Engine, store: Store = own, **config: Any) -> Consultant:
        dependencies = Dependencies(
            gather=_gather,
            engine=engine,
            template=prompts.load("differential"),
            terminology=terminology,
            store=store,
            key=SiteKey.load(tmp_path / "site.key"),
            observe=seen.append,
        )
        # Only a test that holds its engine back sets a time: none passes or fails by the machine.
        config = {"answer_within_s": 60.0, "gather_within_s": 60.0, **config}
        return Consultant(dependencies, _consult_config(**config))

    return make


@pytest.fixture
def pages_of() -> Callable[[Consultant], ConsultationPages]:
    """The pages of what a consultant answered."""
    return lambda made: ConsultationPages(made._dependencies, made._config)


def differential(*names: str, fact: str = "L1", claim: str = "high") -> str:
    """What a model would write."""
    diagnoses = [
        {
            "name": name,
            "group": "likely",
            "for": [{"fact": fact, "is": claim}],
            "against": [],
            "discriminator": "imaging",
        }
        for name in names
    ]
    return json.dumps({"diagnoses": diagnoses})


@pytest.fixture
def answer_of() -> Callable[..., str]:
    return differential


def _consult_config(**given: Any) -> ConsultConfig:
    """A configuration from keys of several sections; what is left over is its own."""
    sections: dict[str, Any] = {}
    given = {"samples": 1, "names_by_construction": False, **given}
    own = {name: given.pop(name) for name in ("samples", "names_by_construction")}
    for name, section in {
        "services": ServiceSettings(), "fhir": FhirSettings(), "cards": CardSettings(),
        "model": ModelSettings(),
    }.items():  # fmt: skip
        changed = {key: given.pop(key) for key in type(section).model_fields if key in given}
        sections[name] = section.model_copy(update=changed)
    return ConsultConfig("http://127.0.0.1:8010", **own, **sections, **given)
