"""Signs of a diagnosis that the chart tells and nobody cited: plausible, never supported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.consultation import Assessment, Verdict
from cds_hooks.plausibility import Terminology, assess_candidates
from cds_hooks.plausibility.relevance import disease_knowledge, sign_table
from cds_hooks.plausibility.relevance.sign_table import DiseaseSigns, Sign
from cds_hooks.plausibility.relevance.strength import Strength
from fhir_mapping.chart import Fact, Kind

Make = Callable[..., Any]
_SIGNS = {
    "hemoptysis": Strength.STRONG,
    "dyspnea": Strength.MODERATE,
    "pleuritic-chest-pain": Strength.MODERATE,
    "cough": Strength.WEAK,
    "fatigue": Strength.WEAK,
    "problem:C34": Strength.STRONG,
}
EMBOLISM = DiseaseSigns(
    name="Pulmonary embolism",
    codes=("I26",),
    mesh=frozenset(),
    signs_for={name: Sign(name, strength, "a publication") for name, strength in _SIGNS.items()},
    signs_against={},
)


@pytest.fixture(autouse=True)
def _rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(concepts: Any) -> tuple[DiseaseSigns, ...]:
        return (EMBOLISM,) if any(c.code.startswith("I26") for c in concepts) else ()

    monkeypatch.setattr(sign_table, "of_concepts", rows)
    for other in ("kinds_of", "wider_than"):
        monkeypatch.setattr(disease_knowledge, other, lambda *_: ())


def told(*words: str) -> list[Fact]:
    return [Fact(f"S{n}", Kind.COMPLAINT, text, days_ago=0.1) for n, text in enumerate(words, 1)]


@pytest.fixture
def judged(terminology: Terminology, chart: Make, differential: Make) -> Callable[..., Assessment]:
    def make(*facts: Fact) -> Assessment:
        toe = Fact("T1", Kind.COMPLAINT, "Toothache", days_ago=0.1)
        sample = differential(("Pulmonary embolism", "T1 present"))
        return assess_candidates(chart(toe, *facts), [sample], terminology)[0]

    return make


def fits(found: Assessment) -> tuple[str, ...]:
    return next((r.fact_ids for r in found.reasons if r.check == "chart-fits"), ())


def test_one_strong_sign_is_enough(judged: Make) -> None:
    found = judged(*told("Coughing up blood"))
    assert fits(found) == ("S1",)
    assert found.verdict is Verdict.PLAUSIBLE


def test_two_moderate_signs_of_two_facts_are_enough_and_one_is_not(judged: Make) -> None:
    assert fits(judged(*told("Shortness of breath"))) == ()
    both = judged(*told("Shortness of breath", "Pleuritic chest pain"))
    assert both.verdict is Verdict.PLAUSIBLE
    assert set(fits(both)) == {"S1", "S2"}
    one_fact = judged(*told("Shortness of breath and pleuritic chest pain"))
    assert fits(one_fact) == ()


@pytest.mark.parametrize("words", [("Cough", "Fatigue"), ("Denies coughing up blood",), ()])
def test_weak_denied_and_no_signs_are_not(judged: Make, words: tuple[str, ...]) -> None:
    found = judged(*told(*words))
    assert fits(found) == ()
    assert found.verdict is Verdict.UNCERTAIN


def test_a_recorded_problem_raises_a_risk_and_is_no_sign(judged: Make) -> None:
    problem = Fact("P1", Kind.PROBLEM, "Lung cancer", status="active")
    assert fits(judged(problem)) == ()
