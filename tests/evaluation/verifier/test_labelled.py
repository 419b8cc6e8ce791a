"""Runs, trials and recorded answers as labelled cases: the truth is never in the evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.consultation import Verdict
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.evaluation.metrics import majority
from cds_hooks.evaluation.report.write import to_html
from cds_hooks.evaluation.research.alignment import find_shifts, put_right
from cds_hooks.evaluation.research.catalogue import catalogue
from cds_hooks.evaluation.research.recording import Recorded, Recording, votes_of
from cds_hooks.evaluation.research.verifier_cases import (
    VerifierPanel,
    labelled,
    verifier_panels,
)
from cds_hooks.evaluation.research.verifier_page import verifier_page
from cds_hooks.evaluation.research.verifier_replay import RULES, VOTE, verifier_replay
from cds_hooks.evaluation.runs.results import CaseResult, ListedDiagnosis, Said
from cds_hooks.evaluation.trained_cases import TrainedCase, id_digest
from cds_hooks.evaluation.verifier.labelled import from_results, from_trial
from cds_hooks.evaluation.verifier.making import require_untrained
from cds_hooks.evaluation.verifier.votes import bound, plurality_pick
from cds_hooks.trial.cases import MatchLevel
from cds_hooks.trial.report.matching import CodeMatcher
from cds_hooks.verifier import ConsultationEvidence, ProposedDiagnosis
from tests.sample.places import Data
from tests.trial.trial_cases import case as trial_case
from tests.trial.trial_cases import icd, proposed

_FT = "qwen3.5-35b-ft"
_ALONE = VerifierPanel(id="alone", title="alone", models=(_FT,), generator=_FT)


def _result(**more: Any) -> CaseResult:
    listed = (
        ListedDiagnosis(
            name="Gout", matches=(MatchRule.EXACT,), agreement=2 / 3, verdict=Verdict.PLAUSIBLE
        ),
        ListedDiagnosis(name="Sepsis", agreement=1.0, flags=("timing",)),
    )
    samples = ("Gout", "Sepsis"), ("sepsis", "GOUT"), ("Septicaemia",)
    said = tuple(tuple(Said(name=n) for n in names) for names in samples)
    return CaseResult(case="7", outcome="answered", answers=listed, samples=said, **more)


def test_a_run_as_labelled_cases() -> None:
    (case,) = from_results("own", [_result()], models=["m"] * 3, match=MatchRule.EXACT)
    assert case.case == id_digest("own", "7")
    assert case.right == (True, False)
    assert case.evidence.proposed[0].places == (1, 2, None)
    assert case.evidence.proposed[1].places is None, "another name of it voted, too"
    assert case.evidence.proposed[1].agreement == 1.0
    assert case.evidence.proposed[1].failed == {"timing"}


def test_a_run_that_keeps_places_passed_checks_and_what_models_were_asked() -> None:
    kept = ListedDiagnosis(
        name="Sepsis",
        agreement=1.0,
        passed=("known-name",),
        places=(2, 1, 1),
        log_probability=-6.0,
        tokens=3,
        p_true=0.5,
    )
    result = _result().model_copy(update={"answers": (kept, ListedDiagnosis(name="Gout"))})
    (case,) = from_results("own", [result], models=["m"] * 3, match=MatchRule.EXACT)
    first, second = case.features
    assert case.evidence.proposed[0].places == (2, 1, 1)
    assert (first["rules_for"], second["rules_for"]) == (1.0, 0.0)
    assert (first["p_true"], first["log_probability_per_token"]) == (0.0, -2.0)
    assert "p_true" not in second


def test_a_case_whose_samples_failed_has_no_places_and_one_without_answers_is_none() -> None:
    few = replace_samples(_result())
    (case,) = from_results("own", [few], models=["m"] * 3, match=MatchRule.EXACT)
    assert case.evidence.models == ()
    failed = CaseResult(case="8", outcome="deadline")
    assert not list(from_results("own", [failed], models=["m"], match=MatchRule.EXACT))


def replace_samples(result: CaseResult) -> CaseResult:
    return result.model_copy(update={"samples": result.samples[:2]})


def test_a_trial_as_labelled_cases() -> None:
    """Found, looked for and not found, not looked for yet, and found in the prompt."""
    listed = [proposed("I21.4", agreement=0.5, flags=("timing",)), proposed("I21.0"), "J18.9"]
    cases = [
        trial_case(1, listed, ["I21.4"]),
        trial_case(2, listed, []),
        trial_case(3, listed, None),
        trial_case(4, listed, ["I21.4"], visible_codes=frozenset(icd("I21.4"))),
    ]
    (same,) = from_trial(cases, CodeMatcher(), MatchLevel.SAME)
    # A model that was tuned on this consultation has the same digest in its manifest.
    with pytest.raises(TrainedCase):
        require_untrained([same], {id_digest("trial", "c1")})
    assert same.right == (True, False, False)
    assert same.evidence.proposed[0].agreement == 0.5
    assert same.evidence.proposed[0].failed == {"timing"}
    (wide,) = from_trial(cases, CodeMatcher(), MatchLevel.CATEGORY)
    assert wide.right == (True, True, False)
    assert wide.case != wide.patient
    kept = ConsultationEvidence(("m",), tuple(ProposedDiagnosis(places=(n,)) for n in (1, 2, 3)))
    (whole,) = from_trial(cases, CodeMatcher(), MatchLevel.SAME, {"c1": kept})
    assert whole.evidence == kept
    assert whole.right == (True, False, False)
    with pytest.raises(ValueError, match="right or wrong"):
        replace(same, right=(True,))


def test_what_a_verifier_sees_of_recorded_answers_does_not_know_the_list_or_the_truth(
    sampled: Recording,
) -> None:
    """The same answers with the options in another order, and with another truth."""
    models = catalogue().model

    def seen(cases: list[Recorded]) -> list[Any]:
        made = labelled(Recording(tuple(cases), ()), _ALONE, models)
        return [c.features for c in made]

    plain = seen(list(sampled.cases))
    turned = [replace(c, options=c.options[::-1], gold=c.options[1]) for c in sampled.cases]
    assert seen(turned) == plain


def test_panels_name_models_that_there_are() -> None:
    known = {m.id: m for m in catalogue().model}
    for panel in verifier_panels():
        assert set(panel.models) <= known.keys()
        assert panel.base in panel.models
    published = next(p for p in verifier_panels() if p.id == "published-device")
    assert not any(known[m].fine_tuned for m in published.models)


def test_votes_and_bound_of_the_published_answers(recording: Recording) -> None:
    """87.9 % by majority, 93.2 % in any of three: 182 and 193 of 207."""
    models = catalogue().model
    whole = recording.realigned(put_right(recording, models, find_shifts(recording, models)))
    model = next(m for m in models if m.id == _FT)
    cases = labelled(whole, _ALONE, models)
    assert sum(majority(votes_of(c, model)) == c.truth for c in whole.cases) == 182
    assert sum(map(bound, cases)) == 193
    picks = [(c, plurality_pick(c)) for c in cases]
    assert sum(i is not None and c.right[i] for c, i in picks) == 184


def test_the_experiment_on_invented_answers(sample: Data) -> None:
    """Of eighty cases the majority is right in 50, and any of three runs in 60, counted by hand."""
    pytest.importorskip("sklearn")
    heard: list[tuple[str, int]] = []
    (found,) = verifier_replay(
        sample.recording,
        repetitions=2,
        panels=[_ALONE],
        told=lambda panel, number: heard.append((panel, number)),
    )
    assert heard == [("alone", 1), ("alone", 2)]
    assert (found.majority.value * 80, found.best.value * 80) == (50, 60)
    methods = {m.method: m for m in found.methods}
    assert set(methods) >= {VOTE, RULES, "verifier", "gradient boosting", "weighted vote"}
    for row in methods.values():
        assert row.right.value <= found.best.value
        assert row.right.n == 80
    assert methods[VOTE].gain.value == 0.0
    for made in found.calibrated.sets:
        assert made.overall.n <= 80
        assert made.unreached < 1 or made.overall.value == 1.0
    told = to_html(verifier_page([found], repetitions=2))
    assert "no threshold reaches this" in told
    assert "first option is right in 31.9 %" in told
