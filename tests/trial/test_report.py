"""The report of a trial, figure by figure, on cases that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from cds_hooks.consultation import Verdict
from cds_hooks.trial.cases import MatchLevel, TrialCase
from cds_hooks.trial.report import CodeMatcher, ReportSettings, TrialReport, report
from cds_hooks.trial.report.leaks import Leak
from cds_hooks.trial.report.selection import Exclusion
from tests.trial.trial_cases import ASKED, case, drawn, finding, icd, outcome, proposed

SETTINGS = ReportSettings(least=1, resamples=200)


def made(*cases: TrialCase, settings: ReportSettings = SETTINGS) -> TrialReport:
    return report(cases, settings, np.random.default_rng(1))


def test_accuracy_by_level_and_rank() -> None:
    told = made(
        case(1, ["I21.4"], ["I21.4"]),
        case(2, ["J18.9", "I21.9"], ["I21.4"]),
        case(3, ["J18.9", "K35.80", "N39.0", "A41.9"], ["A41.9"]),
        case(4, ["J18.9"], ["I26.99"]),
    )
    shares = {(k, level): told.named(k, level).value for k in (1, 3, 5) for level in MatchLevel}
    assert [shares[k, MatchLevel.SAME] for k in (1, 3, 5)] == [0.25, 0.25, 0.5]
    assert [shares[k, MatchLevel.CATEGORY] for k in (1, 3, 5)] == [0.25, 0.5, 0.75]
    assert told.named(1).n == 4
    assert "Wilson" in told.named(1).method


def test_related_counts_only_what_is_listed_in_either_direction() -> None:
    matcher = CodeMatcher(related={icd("I21.4")[0]: icd("I20.0")})
    settings = replace(SETTINGS, matcher=matcher)
    told = made(case(1, ["I20.0"], ["I21.4"]), case(2, ["I21.4"], ["I20.0"]), settings=settings)
    assert told.named(1, MatchLevel.RELATED).value == 1
    assert told.named(1, MatchLevel.CATEGORY).value == 0


def test_points_and_case_of_a_code_do_not_matter_but_its_system_does() -> None:
    matcher = CodeMatcher()
    assert matcher(("s", "i21.4"), ("s", "I214")) is MatchLevel.SAME
    assert matcher(("http://snomed.info/sct", "I21"), icd("I21")[0]) is None
    assert matcher(icd("I21.4")[0], ("http://hl7.org/fhir/sid/icd-10", "I21.9")) == "category"


def test_several_outcomes_are_named_by_any_and_recalled_one_by_one() -> None:
    told = made(case(1, ["I21.4", "J18.9"], ["I21.4", "N17.9"]), case(2, ["A41.9"], ["A41.9"]))
    row = next(r for r in told.accuracy if (r.level, r.k) == ("same", 5))
    assert (row.named.value, row.named.n) == (1.0, 2)
    assert (row.recall.value, row.recall.n) == (pytest.approx(2 / 3), 3)


def test_what_was_struck_out_is_not_shown_and_the_next_moves_up() -> None:
    gone = proposed("I21.4", Verdict.CONTRADICTED, struck_out=True)
    told = made(case(1, [gone, "J18.9"], ["I21.4"]), case(2, [gone, "J18.9"], ["J18.9"]))
    assert told.named(1).value == 0.5
    assert (told.struck_out.right.value, told.struck_out.right.n) == (0.5, 2)
    assert (told.struck_out.lost.value, told.struck_out.lost.n) == (0.5, 2)


def test_what_was_supported_and_wrong_counts_cases_without_an_outcome_too() -> None:
    yes = proposed("I21.4", Verdict.SUPPORTED)
    told = made(case(1, [yes], ["I21.4"]), case(2, [yes], []), case(3, [yes], None))
    assert (told.struck_out.supported_wrong.value, told.struck_out.supported_wrong.n) == (0.5, 2)
    assert (told.verdicts[0].verdict, told.verdicts[0].right.n) == (Verdict.SUPPORTED, 2)


def test_coverage_gives_each_consultation_one_reason() -> None:
    told = made(
        case(1, ["I21.4"], ["I21.4"]),
        case(
            2, ["I21.4"], ["I21.4"], patient="p1", encounter="e1", asked=ASKED + timedelta(hours=1)
        ),
        case(3, ["I21.4"], None),
        case(4, ["I21.4"], []),
        case(5, [], ["I21.4"], ended="deadline"),
        case(6, ["I21.4"], ["I21.4"], visible_codes=frozenset(icd("I21.4"))),
        settings=replace(SETTINGS, hooks=9),
    )
    found = told.coverage
    assert (found.hooks, found.consultations, found.patients, found.encounters) == (9, 6, 5, 5)
    assert found.excluded == {Exclusion.REPEATED: 1, Exclusion.OPEN: 1, Exclusion.LEAK: 1}
    assert (found.with_outcome, found.without_outcome, found.unanswered) == (2, 1, 1)
    assert told.named(1).value == 0.5


def test_without_an_encounter_hooks_of_one_day_are_one() -> None:
    told = made(
        case(1, [], [], encounter=""),
        case(2, [], [], encounter="", patient="p1", asked=ASKED + timedelta(hours=9)),
        case(3, [], [], encounter="", patient="p1", asked=ASKED + timedelta(hours=10)),
    )
    assert told.coverage.excluded[Exclusion.REPEATED] == 1


def test_leaks_are_found_by_code_by_equivalent_and_by_time() -> None:
    matcher = CodeMatcher(equivalent={icd("I21.4")[0]: (("http://snomed.info/sct", "401314000"),)})
    told = made(
        case(1, [], ["I21.4"], visible_codes=frozenset(icd("I21.4"))),
        case(2, [], ["I21.4"], visible_codes=frozenset({("http://snomed.info/sct", "401314000")})),
        case(3, [], [outcome("I21.4", hours=0, source="problem-list")]),
        case(4, [], [outcome("I21.4", hours=0.01)], visible_codes=frozenset(icd("I21.9", "E11.9"))),
        settings=replace(SETTINGS, matcher=matcher),
    )
    assert (told.leaks.checked, told.leaks.cases, told.leaks.similar) == (4, 3, 1)
    assert told.leaks.by_kind == {Leak.VISIBLE: 2, Leak.CHARTED_BEFORE: 1}
    assert told.leaks.by_source == {"encounter-diagnosis": 2, "problem-list": 1}
    assert told.coverage.with_outcome == 1


def test_rules_are_right_where_an_outcome_follows_and_miss_where_none_fired() -> None:
    told = made(
        case(1, [], ["I26.99"], findings=(finding("pe", "I26.99"), finding("state"))),
        case(2, [], ["J18.9"], findings=(finding("pe", "I26.99"),)),
        case(3, [], ["I26.09"]),
        case(4, [], ["A41.9"]),
        settings=replace(SETTINGS, rules={"sepsis": icd("A41.9")}),
    )
    rows = {row.rule: row for row in told.rules.rows}
    assert (rows["pe"].fired, rows["pe"].right and rows["pe"].right.value) == (2, 0.5)
    caught = rows["pe"].caught
    assert caught is not None
    assert (caught.value, caught.n) == (0.5, 2)
    missed = told.rules.missed
    assert missed is not None
    assert (missed.value, missed.n) == (pytest.approx(2 / 3), 3)
    assert told.rules.uncoded == 1


def _rules(**fired: int) -> dict[str, int | None]:
    cases = [
        case(100 * place + n, [], [], findings=(finding(rule, f"E8{place}"),))
        for place, (rule, times) in enumerate(fired.items())
        for n in range(times)
    ]
    rows = made(*cases, settings=replace(SETTINGS, least=11)).rules.rows
    return {row.rule: row.fired for row in rows}


def test_a_rule_that_fired_seldom_is_not_told() -> None:
    assert _rules(rare=10) == {"rare": None}
    assert _rules(rare=11) == {"rare": 11}


def test_the_count_of_a_seldom_rule_cannot_be_worked_out_from_the_total() -> None:
    assert _rules(rare=10, often=30, common=12) == {"rare": None, "often": 30, "common": None}


def test_the_total_of_few_findings_is_not_told_either() -> None:
    few = [case(n, [], [], findings=(finding("rare", "E80.21"),)) for n in range(10)]
    settings = replace(SETTINGS, least=11)
    assert made(*few, settings=settings).rules.right is None
    assert made(*few, case(11, [], []), settings=settings).rules.right is None


def test_time_is_gained_from_the_first_list_that_named_it() -> None:
    later = {"patient": "p1", "encounter": "e1", "asked": ASKED + timedelta(hours=2)}
    told = made(
        case(1, ["J18.9"], [outcome("I21.4", hours=5)]),
        case(2, ["I21.4"], None, **later),
        case(3, ["I21.4"], [outcome("I21.4", hours=7)]),
        case(4, ["I21.4"], [outcome("A41.9", hours=7)]),
    )
    assert (told.time_gained.named.value, told.time_gained.named.n) == (pytest.approx(2 / 3), 3)
    assert (told.time_gained.hours.value, told.time_gained.hours.n) == (3.0, 2)


def test_an_outcome_of_the_day_alone_counts_but_neither_leaks_nor_gains_time() -> None:
    that_day = replace(outcome("I21.4", hours=-9), exact=False)
    told = made(case(1, ["I21.4"], [that_day]), case(2, ["A41.9"], [outcome("A41.9", hours=3)]))
    assert (told.leaks.cases, told.named(1).value) == (0, 1.0)
    assert (told.time_gained.undated, told.time_gained.hours.n) == (1, 1)
    assert told.time_gained.hours.value == 3.0


def test_a_later_list_that_could_see_the_outcome_gains_no_time() -> None:
    seen = {"patient": "p1", "encounter": "e1", "asked": ASKED + timedelta(hours=2)}
    told = made(
        case(1, ["J18.9"], [outcome("I21.4", hours=5)]),
        case(2, ["I21.4"], None, visible_codes=frozenset(icd("I21.4")), **seen),
    )
    assert told.time_gained.named.value == 0


def test_subgroups_below_the_least_count_hide_a_second_one_with_them() -> None:
    rng = np.random.default_rng(5)
    cases = drawn(200, 0.5, rng)
    cases += [
        replace(each, consultation=f"m{n}", patient=f"m{n}", encounter=f"m{n}", sex="male")
        for n, each in enumerate(drawn(12, 0.5, rng))
    ]
    told = made(*cases, settings=replace(SETTINGS, least=11))
    assert {r.group: r.named for r in told.subgroups if r.dimension == "sex"} == {
        "female": None,
        "male": None,
    }
    hours = [r for r in told.subgroups if r.dimension == "hour"]
    assert [(r.group, r.named and r.named[1].n) for r in hours] == [("12 to 17 h", 212)]


def test_several_cases_of_a_patient_widen_the_interval() -> None:
    once = drawn(60, 0.5, np.random.default_rng(3))
    twice = [
        replace(each, consultation=f"{each.consultation}-{n}", encounter=f"{each.encounter}-{n}")
        for each in once
        for n in range(4)
    ]
    single, clustered = made(*once).named(1), made(*twice).named(1)
    assert (single.n, clustered.n) == (60, 240)
    assert clustered.value == single.value
    assert "patients" in clustered.method
    assert clustered.high - clustered.low > 0.8 * (single.high - single.low)


def test_a_share_of_all_cases_keeps_an_interval_of_its_patients() -> None:
    cases = [case(n, ["I21.4"], ["I21.4"], patient=f"p{n % 5}") for n in range(10)]
    named = made(*cases).named(1)
    assert (named.value, named.n, named.high) == (1.0, 10, 1.0)
    assert named.low == pytest.approx(0.5655, abs=1e-4)  # Wilson for 5 of 5


def test_calibration_of_votes_in_bins() -> None:
    high = [case(n, [proposed("I21.4", agreement=0.85)], ["I21.4"] * (n < 6)) for n in range(10)]
    low = [case(n, [proposed("I21.4", agreement=0.2)], ["I21.4"] * (n < 12)) for n in range(10, 20)]
    told = made(*high, *low)
    votes = told.votes
    assert votes is not None
    assert [(b.low, b.stated, b.observed.value, b.observed.n) for b in votes.bins] == [
        (0.2, pytest.approx(0.2), 0.2, 10),
        (0.8, pytest.approx(0.85), 0.6, 10),
    ]
    assert votes.error.value == pytest.approx(0.125)
    assert votes.brier.value == pytest.approx((10 * 0.16 + (6 * 0.0225 + 4 * 0.7225)) / 20)
    assert 0 < votes.by_chance < 0.2
    assert told.probabilities is None


def test_seconds_and_digests() -> None:
    timed = [case(n, seconds=float(n), model="m1" if n < 3 else "m2") for n in range(1, 11)]
    told = made(*timed, case(20))
    assert (told.seconds.median.value, told.seconds.ninety.value) == (5.0, 9.0)
    assert (told.seconds.mean.value, told.seconds.mean.n) == (5.5, 10)
    assert told.subject.models == {"": 1, "m1": 2, "m2": 8}


def test_the_order_of_cases_does_not_matter() -> None:
    cases = drawn(30, 0.4, np.random.default_rng(2))
    # As text: since Python 3.13 values that hold the same NaN are not equal.
    assert repr(made(*cases)) == repr(made(*cases[::-1]))


def test_without_cases_nothing_is_known() -> None:
    told = made()
    assert (told.named(1).n, told.named(1).known, told.votes) == (0, False, None)
    assert not told.seconds.median.known


def test_an_interval_over_few_patients_is_never_narrower_than_over_their_cases() -> None:
    """Half of each patient's cases are right: no draw of patients differs from another."""
    cases = [
        case(n, ["I21.4" if n % 2 else "J18.9"], ["I21.4"], patient=f"p{n // 2}") for n in range(8)
    ]
    named = made(*cases).named(1)
    assert (named.value, named.low, named.high) == (
        0.5,
        pytest.approx(0.2152, abs=1e-4),
        pytest.approx(0.7848, abs=1e-4),
    )


def test_a_list_that_came_after_the_charting_gained_no_time() -> None:
    told = made(
        case(1, ["I21.4"], [outcome("I21.4", hours=0.5)], seconds=3600.0),
        case(2, ["I21.4"], [outcome("I21.4", hours=3)], seconds=3600.0),
    )
    assert (told.time_gained.named.value, told.time_gained.hours.value) == (0.5, 2.0)


def test_encounters_of_two_servers_that_share_an_id_are_two() -> None:
    """The hash of an encounter is of its id alone."""
    told = made(case(1, [], [], encounter="e"), case(2, [], [], encounter="e"))
    assert (told.coverage.encounters, told.coverage.excluded[Exclusion.REPEATED]) == (2, 0)
