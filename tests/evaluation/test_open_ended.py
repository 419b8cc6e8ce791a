"""An open-ended run: who would have put the truth first, and which figure knows it."""

from __future__ import annotations

import pytest

from cds_hooks.consultation import Verdict
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, Said
from cds_hooks.evaluation.verifier.labelled import from_results
from cds_hooks.evaluation.verifier.open_ended import OpenEnded, measure_open_ended

EXACT = MatchRule.EXACT


def listed(name: str, *, right: bool = False, votes: float = 1.0, **more: float) -> ListedDiagnosis:
    matches = (EXACT,) if right else ()
    return ListedDiagnosis(
        name=name,
        matches=matches,
        agreement=votes,
        verdict=Verdict.PLAUSIBLE,
        passed=("known-names",),
        **more,  # type: ignore[arg-type]
    )


def result(case: str, *answers: ListedDiagnosis, first: str = "") -> CaseResult:
    """Of two samples, of which the first begins with `first`; each names what was voted for."""
    every = sorted(answers, key=lambda a: a.name != first)
    samples = [[a for a in every if a.agreement > n / 2] for n in range(2)]
    said = tuple(tuple(Said(name=a.name, matches=a.matches) for a in one) for one in samples)
    return CaseResult(case=case, outcome="answered", answers=answers, samples=said)


def told_by(count: int) -> list[CaseResult]:
    """The truth has fewer votes, and is what the model believes when asked."""
    wrong = {"votes": 1.0, "log_probability": -3.0, "tokens": 2, "p_true": 0.2}
    truth = {"votes": 0.5, "log_probability": -1.0, "tokens": 2, "p_true": 0.8}
    return [
        result(
            f"c{n}", listed("Gout", **wrong), listed("Sepsis", right=True, **truth), first="Gout"
        )
        for n in range(count)
    ]


def measured(results: list[CaseResult], greedy: list[CaseResult] | None = None) -> OpenEnded:
    cases = list(from_results("s", results, models=["m", "m"], match=EXACT))
    return measure_open_ended("s", results, cases, EXACT, greedy or ())


def firsts(found: OpenEnded) -> dict[str, float]:
    return {each.method: each.top1.value for each in found.chosen}


def test_what_learns_from_the_other_half_beats_the_vote() -> None:
    pytest.importorskip("sklearn")
    found = measured(told_by(44))
    assert firsts(found) == {
        "first sample": 0.0,
        "vote": 0.0,
        "weighted vote": 1.0,
        "likeliest name": 1.0,
        "fixed rules": 0.0,
        "verifier": 1.0,
        "any sample (bound)": 1.0,
    }
    verifier = next(each for each in found.chosen if each.method == "verifier")
    assert len(verifier.against_vote.only_first) == 44
    assert verifier.against_vote.p < 1e-9
    assert {s.name: s.area.value for s in found.signals} == {
        "votes": 0.0,
        "log-probability": 1.0,
        "log-probability per token": 1.0,
        "P(true)": 1.0,
    }


def test_too_few_truths_are_no_verifier_and_said_to_be() -> None:
    pytest.importorskip("sklearn")
    found = measured(told_by(12))
    assert "too few" in found.unfitted
    assert "verifier" not in firsts(found)


def test_a_greedy_run_is_read_on_the_cases_that_it_shares() -> None:
    results = told_by(12)
    greedy = [result("c3", listed("Sepsis", right=True)), result("other", listed("Gout"))]
    found = measured(results, greedy)
    chosen = next(each for each in found.chosen if each.method == "greedy")
    assert (chosen.top1.value, chosen.top1.n, found.fewer) == (1.0, 1, 11)
    assert chosen.against_vote.n == 1


def test_a_case_without_an_answer_is_wrong_for_all() -> None:
    results = [*told_by(12), CaseResult(case="none", outcome="deadline")]
    assert {each.top1.n for each in measured(results).chosen} == {13}
    assert firsts(measured(results))["any sample (bound)"] == pytest.approx(12 / 13)


def test_what_a_run_told_reaches_the_verifier() -> None:
    (case,) = from_results("s", told_by(1), models=["m", "m"], match=EXACT)
    name = case.evidence.proposed[1].name
    assert (name.log_probability, name.tokens, name.p_true) == (-1.0, 2, 0.8)
    assert case.evidence.proposed[1].passed == frozenset({"known-names"})
    old = result("c", ListedDiagnosis(name="Gout"))
    (case,) = from_results("s", [old], models=["m", "m"], match=EXACT)
    assert case.evidence.proposed[0].passed is None
    assert case.evidence.proposed[0].name.log_probability is None
