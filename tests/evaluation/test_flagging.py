"""What flags are worth: rates, areas, and "too few" where there is not enough to tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from cds_hooks.admission.manifest import Manifest
from cds_hooks.consultation import Consultation, Reason, Verdict
from cds_hooks.evaluation.matching import MatchRule, TruthMatcher
from cds_hooks.evaluation.report.runs import Run, run_page
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.evaluation.runs.flagging import FlagRow, ScoreRow, measure_flags
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, Noted
from cds_hooks.evaluation.runs.score import failed, score
from cds_hooks.evaluation.runs.summary import summarise
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold

RIGHT = (MatchRule.ANCESTOR, MatchRule.CATEGORY)
EMBOLISM = EvaluationCase(id="1", gold=Gold(("Pulmonary embolism",)))


def result(
    number: int, *, right: bool, flagged: bool = False, noted: tuple[Noted, ...] = ()
) -> CaseResult:
    answer = ListedDiagnosis(
        name="x",
        matches=RIGHT if right else (),
        verdict=Verdict.CONTRADICTED if flagged else Verdict.PLAUSIBLE,
        flags=("negative-test",) if flagged else (),
        agreement=0.25 if flagged else 1.0,
    )
    return CaseResult(case=f"{number}", outcome="answered", answers=(answer,), noted=noted)


def rows(results: list[CaseResult]) -> dict[tuple[str, str], FlagRow]:
    return {(f.on, f.check): f for f in measure_flags(results).rows}


def scores(results: list[CaseResult]) -> dict[str, ScoreRow]:
    return {s.what: s for s in measure_flags(results).scores}


def test_a_case_keeps_every_flag_of_its_consultation(
    consultation: Callable[..., Consultation], matcher: TruthMatcher
) -> None:
    done = replace(
        consultation(("Gout", Verdict.PLAUSIBLE, 1.0)),
        red_flags=(
            Reason("red-flag", "fail", "Pulmonary embolism: the chart tells of x", ("L1",)),
        ),
        unexplained=(Reason("unexplained-result", "abstain", "", ("L2", "L3")),),
        medication_concerns=(Reason("drug-and-result", "abstain", "", ("M1", "L2")),),
        contradictions=(Reason("organ-and-problem", "fail", "", ("P1", "X1")),),
    )
    reasons = (Reason("drug-may-cause", "abstain", "", ("M1",)), Reason("other", "abstain"))
    done = replace(done, assessments=(replace(done.assessments[0], reasons=reasons),))
    kept = score(EMBOLISM, done, matcher, seconds=1)
    assert [(n.check, n.facts) for n in kept.noted] == [
        ("red-flag", 1),
        ("unexplained-result", 2),
        ("drug-and-result", 2),
        ("organ-and-problem", 2),
    ]
    assert (kept.noted[0].name, kept.noted[0].matches[0]) == ("Pulmonary embolism", MatchRule.EXACT)
    assert kept.answers[0].noted == ("drug-may-cause",)
    assert CaseResult.model_validate(orjson.loads(kept.model_dump_json())) == kept
    red_flags = measure_flags([kept]).red_flags
    assert (red_flags.named.value, red_flags.caught.value) == (1.0, 1.0)


def test_a_flag_is_told_by_its_rates_among_wrong_and_right() -> None:
    results = [result(i, right=i < 20, flagged=i >= 20 or i < 5) for i in range(40)]
    flag = rows(results)["diagnosis", "negative-test"]
    assert flag.flagged.value == 25 / 40
    assert flag.precision.value == 20 / 25
    assert (flag.recall.value, flag.recall.n) == (1.0, 20)
    assert (flag.false_alarms.value, flag.false_alarms.n) == (0.25, 20)
    assert flag.enough
    assert 0 < flag.false_alarms.low < 0.25 < flag.false_alarms.high < 1
    verdict = rows(results)["diagnosis", "verdict contradicted"]
    assert verdict.recall == flag.recall


def test_a_score_is_told_by_how_it_ranks_wrong_above_right() -> None:
    results = [result(i, right=i < 20, flagged=i >= 20) for i in range(40)]
    for what in ("verdict", "agreement of samples, little", "checks that failed"):
        row = scores(results)[what]
        assert (row.auroc.value, row.auprc.value, row.right, row.wrong) == (1.0, 1.0, 20, 20)
    assert scores(results)["place in the list"].auroc.value == 0.5


def test_a_flag_on_a_case_is_checked_against_lists_without_the_truth() -> None:
    left = (Noted(check="unexplained-result", facts=4),)
    results = [result(i, right=i < 12, noted=left if i >= 12 else ()) for i in range(24)]
    assert rows(results)["case", "unexplained-result"].recall.value == 1.0
    assert scores(results)["results left unexplained"].auroc.value == 1.0


def test_what_was_never_there_is_told_as_well() -> None:
    found = rows([result(0, right=True)])
    for check in ("red-flag", "drug-and-result", "drug-and-problem", "unexplained-result"):
        assert found["case", check].flagged.value == 0
        assert not found["case", check].precision.known


@pytest.mark.parametrize(("right", "wrong", "enough"), [(10, 10, True), (9, 30, False)])
def test_few_are_called_too_few(right: int, wrong: int, enough: bool) -> None:
    results = [result(i, right=i < right, flagged=i >= right) for i in range(right + wrong)]
    assert scores(results)["verdict"].enough is enough
    assert rows(results)["diagnosis", "negative-test"].enough is enough


def test_cases_without_an_answer_carry_no_flag() -> None:
    found = measure_flags([failed(EMBOLISM, "deadline", seconds=1)])
    assert all(f.flagged.n == 0 for f in found.rows)


def test_the_report_tells_flags_and_reliability(manifest: Manifest) -> None:
    few = [result(i, right=i < 3, flagged=i >= 3) for i in range(6)]
    many = [result(i, right=i < 15, flagged=i >= 15) for i in range(30)]
    sampled = manifest.model_copy(update={"samples": 4})
    told = {
        name: to_markdown(run_page([Run(sampled, summarise(results))]))
        for name, results in (("few", few), ("many", many))
    }
    assert "| verdict | diagnosis | 3 | 3 | too few | too few |" in told["few"]
    assert "negative-test (too few)" in told["few"]
    assert "too few |" not in told["many"].split("Scores:")[1].split("diagnoses not")[0]
    assert "| 0.2 to 0.3 | 0.25 | 0.0 % (0.0 to 20.4), n = 15 |" in told["many"]
    assert "; too few |" in told["few"]
    assert "What flags are worth" in to_html(run_page([Run(sampled, summarise(many))]))
    alone = to_markdown(run_page([Run(manifest, summarise(many))]))
    assert "One sample was drawn for each case" in alone
