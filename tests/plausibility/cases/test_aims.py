"""What the rules must reach on cases with known answers, of which one half was kept aside.

The kept-aside half was read once, when the rules were done; what it gave then is in docs/STATUS.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.plausibility import Terminology
from tests.plausibility.cases.load import load
from tests.plausibility.cases.measures import Outcome, measured

HERE = Path(__file__).parent
HALVES = {
    "adjusted-with": [HERE / "data"],
    "kept-aside": [HERE / "kept_aside" / "danger", HERE / "kept_aside" / "everyday"],
}


@pytest.fixture(scope="module", params=sorted(HALVES))
def outcomes(request: pytest.FixtureRequest, terminology: Terminology) -> list[Outcome]:
    cases = [case for folder in HALVES[request.param] for case in load(folder)]
    assert len(cases) > 140
    return list(measured(cases, terminology))


def share(outcomes: list[Outcome], measure: str) -> float:
    """Of the outcomes of a measure those that came out as wanted."""
    good = [one.good for one in outcomes if one.measure == measure]
    assert len(good) >= 50
    return sum(good) / len(good)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "at_least"),
    [
        ("danger named", 0.90),
        ("everyday alarm", 0.95),
        ("absurd supported", 0.97),
        ("right contradicted", 0.99),
        ("right recorded", 0.99),
        ("caught: reversed claim", 0.95),
        ("caught: denied symptom", 0.95),
        ("caught: refuted problem", 0.95),
        ("caught: invented name", 0.95),
        ("caught: drug not there", 0.95),
        ("caught: for and against", 0.95),
    ],
)
def test_an_aim_is_reached_in_both_halves(
    outcomes: list[Outcome], measure: str, at_least: float
) -> None:
    assert share(outcomes, measure) >= at_least
