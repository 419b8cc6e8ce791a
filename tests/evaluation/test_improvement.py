"""A tuned model is admitted only where it is better than its base."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.admission.manifest import Manifest
from cds_hooks.admission.record import AdmissionError, Purpose
from cds_hooks.consultation import Consultation, Verdict
from cds_hooks.consultation.origin import ModelPart
from cds_hooks.evaluation.admission.acceptance import acceptance_suite
from cds_hooks.evaluation.admission.decision import decide
from cds_hooks.evaluation.admission.improvement import (
    BETTER,
    base_of,
    improvement,
    improvement_of_runs,
)
from cds_hooks.evaluation.matching import TruthMatcher
from cds_hooks.evaluation.runs.results import CaseResult
from cds_hooks.evaluation.runs.run_folder import claim_folder
from cds_hooks.evaluation.runs.score import score

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Make = Callable[..., Consultation]
Results = Callable[[int], list[CaseResult]]


@pytest.fixture
def right_in(consultation: Make, matcher: TruthMatcher) -> Results:
    """Results of the acceptance set of which so many are right."""
    cases = acceptance_suite(NOW).cases

    def make(count: int) -> list[CaseResult]:
        names = [c.gold.name if n < count else "Rabies" for n, c in enumerate(cases)]
        return [
            score(case, consultation((name, Verdict.SUPPORTED, 1.0)), matcher, seconds=1.0)
            for case, name in zip(cases, names, strict=True)
        ]

    return make


@pytest.mark.parametrize(("base", "tuned", "met"), [(2, 9, True), (5, 5, False), (5, 6, False)])
def test_better_means_more_than_chance(right_in: Results, base: int, tuned: int, met: bool) -> None:
    figure, asked = improvement(right_in(base), right_in(tuned))
    assert figure.n == 10
    assert figure.value == pytest.approx((tuned - base) / 10)
    assert (asked.figure, asked.met) == (BETTER, met)


def test_a_tuned_model_that_is_worse_is_refused_however_good(
    right_in: Results, manifest: Manifest
) -> None:
    results = right_in(9)
    alone = decide(manifest, results, purpose=Purpose.DEMONSTRATION, who="A", now=NOW)
    assert alone.admitted
    assert BETTER not in alone.figures
    better = improvement(right_in(10), results)
    beside = decide(
        manifest, results, purpose=Purpose.DEMONSTRATION, who="A", now=NOW, better=better
    )
    assert not beside.admitted
    assert [r.figure for r in beside.requirements if not r.met] == [BETTER]
    assert any(BETTER in line and "not met" in line for line in beside.told)


def test_runs_of_the_wrong_models_are_refused(manifest: Manifest, tmp_path: Path) -> None:
    other = manifest.model_copy(update={"model": {**manifest.model, "sha256": "f" * 64}})
    claim_folder(tmp_path / "base", manifest)
    claim_folder(tmp_path / "tuned", other)
    with pytest.raises(AdmissionError, match="of another model"):
        improvement_of_runs(tmp_path / "base", tmp_path / "tuned", manifest)
    with pytest.raises(AdmissionError, match="of the tuned model"):
        improvement_of_runs(tmp_path / "tuned", tmp_path / "tuned", other)


@pytest.mark.parametrize(("cases", "met"), [(1, False), (5, False), (6, True)])
def test_a_few_cases_that_all_changed_are_no_proof(
    right_in: Results, cases: int, met: bool
) -> None:
    """Their bootstrap is 1 to 1; by the exact test p is 1, 0.0625 and 0.03125."""
    figure, asked = improvement(right_in(0)[:cases], right_in(10)[:cases])
    assert figure.low == 1
    assert asked.met is met


@pytest.mark.parametrize(
    "changed", [{"samples": 9}, {"names": True}, {"seed": 7}, {"template": {"id": "other"}}]
)
def test_runs_that_asked_otherwise_are_refused(
    manifest: Manifest, tmp_path: Path, changed: dict[str, Any]
) -> None:
    tuned = manifest.model_copy(update={"model": {**manifest.model, "sha256": "f" * 64}})
    claim_folder(tmp_path / "base", manifest)
    claim_folder(tmp_path / "tuned", tuned.model_copy(update=changed))
    with pytest.raises(AdmissionError, match=f"with other {next(iter(changed))}"):
        improvement_of_runs(tmp_path / "base", tmp_path / "tuned", tuned)


def test_a_weaker_model_is_not_taken_for_the_base(manifest: Manifest, tmp_path: Path) -> None:
    base, adapter, template = (ModelPart(name, name * 64) for name in "bac")
    assert base_of((base, adapter), 1) == "b" * 64
    for parts, adapters in (((), 0), ((base, adapter), 0), ((base, adapter, template), 1)):
        assert base_of(parts, adapters) == ""
    tuned = manifest.model_copy(update={"model": {**manifest.model, "sha256": "f" * 64}})
    claim_folder(tmp_path / "weaker", manifest)
    claim_folder(tmp_path / "tuned", tuned)
    with pytest.raises(AdmissionError, match="of another base"):
        improvement_of_runs(tmp_path / "weaker", tmp_path / "tuned", tuned, base_sha256=base.sha256)
