"""The recorded answers, as the loader reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.admission.manifest import Manifest
from cds_hooks.consultation import (
    Assessment,
    Candidate,
    CheckedConsultation,
    Consultation,
    Differential,
    Group,
    Outcome,
    Reason,
    Verdict,
)
from cds_hooks.evaluation.matching import TruthMatcher
from cds_hooks.evaluation.research.catalogue import RecordedModel, catalogue
from cds_hooks.evaluation.research.recording import Recording, read_recording
from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, Suite
from cds_hooks.plausibility import Terminology, TerminologyError
from cds_hooks.plausibility.terminology.compiler.compile import compile_terminology
from fhir_mapping.chart import Chart, PatientFacts
from tests.sample.places import Data

BUILD = Path(__file__).resolve().parents[2] / "build"


@pytest.fixture(scope="session")
def eurorad_csv(shared_data: Path) -> Path:
    """The published answers, for tests of published figures."""
    return shared_data / "eval" / "eurorad_predictions.csv"


@pytest.fixture(scope="session")
def sampled(sample: Data) -> Recording:
    """The invented answers, of which every figure was counted by hand."""
    return read_recording(sample.recording, [c for m in catalogue().model for c in m.columns])


@pytest.fixture(scope="session")
def any_recording(data: Data) -> Recording:
    """The invented answers, and the published ones where they are there."""
    return read_recording(data.recording, [c for m in catalogue().model for c in m.columns])


@pytest.fixture(scope="session")
def recording(eurorad_csv: Path) -> Recording:
    """The published answers, read."""
    return read_recording(eurorad_csv, [c for m in catalogue().model for c in m.columns])


@pytest.fixture(scope="session")
def models() -> dict[str, RecordedModel]:
    """The models of the catalogue by id."""
    return {m.id: m for m in catalogue().model}


@pytest.fixture(scope="session")
def terminology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminology]:
    """The terminology in build/, or one compiled afresh where that is of another version."""
    path = BUILD / "terminology.sqlite"
    try:
        opened = Terminology(path)
    except TerminologyError:
        if not list((BUILD / "wheels").glob("*.whl")):
            pytest.fail("the data wheels are not in build/wheels: run `make`")
        folder = tmp_path_factory.mktemp("terminology")
        path = folder / "terminology.sqlite"
        compile_terminology(BUILD / "wheels", path, folder / "names.txt", lambda _: None)
        opened = Terminology(path)
    with opened:
        yield opened


@pytest.fixture(scope="session")
def matcher(terminology: Terminology) -> TruthMatcher:
    return TruthMatcher(terminology)


@pytest.fixture(scope="session")
def consultation() -> Callable[..., Consultation]:
    """A consultation that answered with these names: (name, verdict, agreement)."""

    def make(*listed: tuple[str, Verdict, float], **rest: Any) -> Consultation:
        told = [listed] if listed else []
        flag = Reason("direction", "fail")
        return CheckedConsultation(
            id="c",
            key="k",
            service="s",
            created=0.0,
            patient_key="p",
            chart=Chart(PatientFacts(), ()),
            differentials=tuple(
                Differential(tuple(Candidate(name, Group.LIKELY) for name, _, _ in names))
                for names in told
            ),
            assessments=tuple(
                Assessment(
                    name,
                    Group.LIKELY,
                    verdict,
                    agreement=share,
                    reasons=(flag,) if verdict is Verdict.CONTRADICTED else (),
                )
                for name, verdict, share in listed
            ),
            outcome=rest.pop("outcome", Outcome.ANSWERED),
            tokens={"prompt": 100, "answer": 50},
            **rest,
        )

    return make


@pytest.fixture(scope="session")
def small_suite() -> Suite:
    """Six cases with a truth each, of two age bands."""
    names = ("Gout", "Pulmonary embolism", "Appendicitis", "Sepsis", "Asthma", "Migraine")
    cases = [
        EvaluationCase(
            id=f"case-{i}",
            gold=Gold((name,)),
            age_years=30.0 if i % 2 else 70.0,
            recorded_sex="female",
            tags=frozenset({"answer-in-text"} if i == 0 else ()),
        )
        for i, name in enumerate(names)
    ]
    return make_suite("own", "f" * 64, cases)


@pytest.fixture(scope="session")
def manifest(small_suite: Suite) -> Manifest:
    """Of a run over the small suite."""
    return Manifest(
        suite=small_suite.part,
        model={"name": "fake", "sha256": "0" * 64},
        template={"id": "differential/1", "sha256": "1" * 64},
        settings={"sha256": "2" * 64},
        terminology={"icd-10-cm": "2026"},
        seed=0,
        samples=1,
        started="2026-03-01T12:00:00+00:00",
        chartside="0.1.0",
        demonstration=True,
    )
