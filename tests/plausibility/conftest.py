"""A terminology compiled by the code under test, and builders of charts and differentials."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cds_hooks.consultation import Candidate, Differential, Evidence, Group
from cds_hooks.plausibility import Terminology
from cds_hooks.plausibility.terminology.compiler.compile import CompileReport, compile_terminology
from fhir_mapping.chart import Chart, Code, Fact, Kind, PatientFacts

WHEELS = Path(__file__).resolve().parents[2] / "build" / "wheels"


@pytest.fixture(scope="session")
def wheels() -> Path:
    """The folder of the pinned data wheels, which `make` fetches."""
    if not list(WHEELS.glob("simple_icd_10_cm-*.whl")):
        pytest.fail("the data wheels are not in build/wheels: run `make`")
    return WHEELS


@pytest.fixture(scope="session")
def compiled(
    wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, CompileReport, list[str]]:
    """The database, the names, the report and what was told on the way."""
    folder = tmp_path_factory.mktemp("terminology")
    database, names, told = folder / "terminology.sqlite", folder / "names.txt", []
    report = compile_terminology(wheels, database, names, told.append)
    return database, names, report, told


@pytest.fixture(scope="session")
def terminology(compiled: tuple[Path, Path, CompileReport, list[str]]) -> Iterator[Terminology]:
    """The terminology, compiled afresh."""
    with Terminology(compiled[0]) as opened:
        yield opened


@pytest.fixture(scope="session")
def names(compiled: tuple[Path, Path, CompileReport, list[str]]) -> list[str]:
    """The names a model may write."""
    return compiled[1].read_text("utf-8").splitlines()


@pytest.fixture(scope="session")
def invented() -> ModuleType:
    """The maker of names that do not exist."""
    path = Path(__file__).with_name("invented.py")
    spec = importlib.util.spec_from_file_location("invented", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fact() -> Callable[..., Fact]:
    """A fact by id; the kind follows from the id's letter."""
    kinds = {k.letter: k for k in Kind}

    def make(fact_id: str, text: str = "something", **rest: Any) -> Fact:
        return Fact(fact_id, kinds[fact_id[0]], text, **rest)

    return make


@pytest.fixture(scope="session")
def problem(fact: Callable[..., Fact]) -> Callable[..., Fact]:
    """An active problem, coded when a code is given."""

    def make(fact_id: str, text: str, icd: str = "", **rest: Any) -> Fact:
        system = "http://hl7.org/fhir/sid/icd-10-cm"
        codes = (Code(system, icd, text),) if icd else ()
        return fact(fact_id, text, **{"status": "active", "codes": codes, **rest})

    return make


@pytest.fixture(scope="session")
def chart() -> Callable[..., Chart]:
    """A chart of facts, of a woman of 50 unless told otherwise."""

    def make(*facts: Fact, age: float | None = 50, sex: str | None = "female") -> Chart:
        return Chart(PatientFacts(age, sex), facts)

    return make


@pytest.fixture(scope="session")
def differential() -> Callable[..., Differential]:
    """One sample: names, or (name, "L1 high", "S1 present" ...)."""

    def claim(text: str) -> Evidence:
        fact_id, _, said = text.partition(" ")
        return Evidence(fact_id, said)

    def make(*candidates: str | tuple[str, ...], against: tuple[str, ...] = ()) -> Differential:
        told = [(c,) if isinstance(c, str) else c for c in candidates]
        return Differential(
            tuple(
                Candidate(
                    name,
                    Group.LIKELY,
                    tuple(claim(c) for c in claims),
                    tuple(claim(c) for c in against),
                )
                for name, *claims in told
            )
        )

    return make
