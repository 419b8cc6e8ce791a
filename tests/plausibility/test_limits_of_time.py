"""Ages and lengths of time in rules: below, on and beyond each limit, written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.plausibility.chart.durations import durations
from cds_hooks.plausibility.chart.indexed_chart import (
    DiagnosisIdentity,
    IndexedChart,
    RecordedProblem,
    index_chart,
)
from cds_hooks.plausibility.chart_rules.result_contradictions import (
    after_removal,
    results_and_problems,
)
from cds_hooks.plausibility.checks.check import CheckedDiagnosis
from cds_hooks.plausibility.checks.demographics import UnusualAge
from cds_hooks.plausibility.checks.timing import (
    AfterRule,
    LastsRule,
    PersistsRule,
    Timing,
    timing_rules,
)
from cds_hooks.plausibility.rules.demographics import conflicts
from cds_hooks.plausibility.rules.diagnosis_rules import DiagnosisRule, age_rules
from cds_hooks.plausibility.terminology.resolution import (
    ICD_10_CM,
    MESH,
    Concept,
    MatchStatus,
    Resolution,
)
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts

LOINC = "http://loinc.org"
AGES = {r.id: r for r in age_rules()}
TIMING = {r.id: r for r in timing_rules()}


def said(check: Any, rule: DiagnosisRule, *facts: Fact, age: float = 40) -> list[str]:
    """What a check says of the rule's diagnosis by this rule, without a terminology."""
    system, code = (ICD_10_CM, rule.codes[0]) if rule.codes else (MESH, min(rule.mesh))
    found = Resolution("x", MatchStatus.EXACT, (Concept(system, code, ""),), "x")
    indexed = index_chart(Chart(PatientFacts(age, "female"), facts), None)
    case = CheckedDiagnosis("x", found, DiagnosisIdentity(), (), (), indexed, None)  # type: ignore[arg-type]
    mine = (r for r in check(case) if r.source == rule.source and r.text.startswith(rule.reason))
    return [r.result for r in mine]


# Rule: the first year that is usual, and the first that is no longer. The rule is wider than its
# source where that gives a peak rather than a limit.
USUAL = [
    ("perinatal", 0, 1),
    ("kawasaki", 0, 18),
    ("bronchiolitis", 0, 3),  # AAP: 1 to 23 months
    ("croup", 0, 15),
    ("infantile-pyloric-stenosis", 0, 2),
    ("giant-cell-arteritis", 50, 125),  # ACR/EULAR 2022: 50 years or more
    ("polymyalgia-rheumatica", 50, 125),  # ACR/EULAR 2012: 50 years or more
    ("menopause", 40, 125),  # STRAW: before 40 it is premature ovarian insufficiency
    ("febrile-convulsions", 0, 7),  # AAP: 6 months to 5 years
    ("slipped-epiphysis", 5, 25),
    ("sudden-infant-death", 0, 1),  # by definition under 1 year
    ("pregnancy", 0, 55),  # our own limit; the Medicare Code Editor's is 64
    ("prostate-carcinoma", 30, 125),  # our own
    ("delayed-puberty", 8, 22),
    ("teething", 0, 4),
    ("menstruation", 8, 60),
]


@pytest.mark.parametrize(("name", "first", "beyond"), USUAL)
def test_an_age_on_the_limit(name: str, first: float, beyond: float) -> None:
    rule = AGES[name]
    rows = [(first, []), (beyond - 0.01, []), (beyond, ["fail"]), (beyond + 0.01, ["fail"])]
    rows += [(first - 0.01, ["fail"])] if first else []
    for age, wanted in rows:
        assert said(UnusualAge(), rule, age=age) == wanted, age


def test_every_rule_of_age_is_in_the_table() -> None:
    assert sorted(AGES) == sorted(row[0] for row in USUAL)


@pytest.mark.parametrize(
    ("code", "name", "first", "beyond"),
    [
        # Medicare Code Editor v41.1: newborn 0, pediatric 0-17, maternity 9-64, adult 15-124.
        ("A33", "mce-newborn", 0, 1),
        ("B08.2", "mce-pediatric", 0, 18),
        ("O80", "mce-maternity", 9, 65),
        ("F01", "mce-adult", 15, 125),
    ],
)
def test_the_ages_of_the_code_editor(code: str, name: str, first: float, beyond: float) -> None:
    rows = [(first, False), (beyond - 0.01, False), (beyond, True)]
    rows += [(first - 0.01, True)] if first else []
    for age, wanted in rows:
        found = {c.id: x for c, x in conflicts(code, PatientFacts(age, "female"))}
        assert found[name] is wanted, age
    unknown = {c.id: x for c, x in conflicts(code, PatientFacts(None, "female"))}
    assert unknown[name] is None


# Rule, a symptom as told, days: "at least" so many, or "at most". A month is 30 days, so that a
# symptom of the length that a source gives in months is never said to be too short.
AT_LEAST = {
    "chronic-cough": ("Cough", 28),  # in children 4 weeks, in adults 8
    "chronic-bronchitis": ("Cough", 90),
    "chronic-pain": ("Pain", 90),
    "chronic-urticaria": ("Hives", 42),
    "chronic-sinusitis": ("Nasal congestion", 84),
    "major-depression": ("Low mood", 14),
    "persistent-depression": ("Low mood", 365),  # in the young 1 year, in adults 2
    "generalized-anxiety": ("Anxiety", 180),
    "posttraumatic-stress": ("Nightmares", 30),
    "schizophrenia": ("Delusions", 180),
    "schizophreniform": ("Delusions", 30),
    "delusional-disorder": ("Delusions", 30),
    "attention-deficit": ("Inattentive", 180),
    "tourette": ("Tics", 365),
    "chronic-fatigue-syndrome": ("Fatigue", 180),
    "fibromyalgia": ("Pain", 90),
    "juvenile-arthritis": ("Joint swelling", 42),
    "cidp": ("Weakness", 56),
    "chronic-prostatitis": ("Pelvic pain", 90),
    "interstitial-cystitis": ("Urgency", 42),
    "vulvodynia": ("Vulvar pain", 90),
    "infertility": ("Trying to conceive", 180),  # from 35 years of age 6 months, before it 12
    "irritable-bowel": ("Abdominal pain", 90),
    "functional-dyspepsia": ("Epigastric pain", 90),
    "chronic-limb-ischemia": ("Foot ulcer", 14),
    "chronic-tension-headache": ("Headache", 90),
    "chronic-migraine": ("Headache", 90),
    "kawasaki-fever": ("Fever", 3),  # our own: fever of 4 or 5 days may still be coming
}
AT_MOST = {
    "acute-cough": ("Cough", 21),
    "acute-sinusitis": ("Facial pain", 28),
    "acute-stress": ("Flashbacks", 31),
    "brief-psychosis": ("Delusions", 31),
    "acute-pericarditis": ("Chest pain", 90),
    "guillain-barre": ("Weakness", 56),
}


@pytest.mark.parametrize(("name", "told", "days"), [(n, *row) for n, row in AT_LEAST.items()])
def test_a_length_that_is_at_least(name: str, told: str, days: int) -> None:
    answers = [
        said(Timing(), TIMING[name], Fact("S1", Kind.COMPLAINT, f"{told} for {n} days", days_ago=0))
        for n in (days - 1, days, days + 1)
    ]
    assert answers == [["fail"], ["pass"], ["pass"]]


@pytest.mark.parametrize(("name", "told", "days"), [(n, *row) for n, row in AT_MOST.items()])
def test_a_length_that_is_at_most(name: str, told: str, days: int) -> None:
    answers = [
        said(Timing(), TIMING[name], Fact("S1", Kind.COMPLAINT, f"{told} for {n} days", days_ago=0))
        for n in (days - 1, days, days + 1)
    ]
    assert answers == [["pass"], ["pass"], ["fail"]]


@pytest.mark.parametrize(
    ("name", "event", "days"),
    [
        ("postpartum-depression", "Cesarean section", 365),  # ACOG: within 12 months
        ("peripartum-cardiomyopathy", "Cesarean section", 180),
        ("puerperal-sepsis", "Cesarean section", 42),  # WHO: within 42 days
        ("postpartum-hemorrhage", "Cesarean section", 84),  # ACOG: up to 12 weeks
        ("surgical-site-infection", "Hernia repair", 90),  # CDC: 90 days with an implant
        ("post-dural-puncture-headache", "Lumbar puncture", 14),
    ],
)
def test_an_event_on_the_last_day(name: str, event: str, days: float) -> None:
    for ago, wanted in ((days - 0.1, ["pass"]), (days, ["pass"]), (days + 0.1, ["fail"])):
        done = Fact("X1", Kind.PROCEDURE, event, status="completed", days_ago=ago)
        assert said(Timing(), TIMING[name], done) == wanted, ago


@pytest.mark.parametrize(("ago", "wanted"), [(1.9, "fail"), (2, "pass"), (2.1, "pass")])
def test_forty_eight_hours_after_intubation(ago: float, wanted: str) -> None:
    done = Fact("X1", Kind.PROCEDURE, "Intubation", status="completed", days_ago=ago)
    assert said(Timing(), TIMING["ventilator-pneumonia"], done) == [wanted]


def test_of_several_events_the_newest_counts_or_the_oldest() -> None:
    def done(fact_id: str, text: str, ago: float) -> Fact:
        return Fact(fact_id, Kind.PROCEDURE, text, status="completed", days_ago=ago)

    births = done("X1", "Cesarean section", 900), done("X2", "Cesarean section", 40)
    assert said(Timing(), TIMING["puerperal-sepsis"], *births) == ["pass"]
    tubes = done("X1", "Intubation", 1), done("X2", "Intubation", 5)
    assert said(Timing(), TIMING["ventilator-pneumonia"], *tubes) == ["pass"]


def kidney(*results: tuple[float, float]) -> list[Fact]:
    """Glomerular filtration rates: (value, days ago)."""
    codes = (Code(LOINC, "33914-3", ""),)
    return [
        Fact(f"L{n}", Kind.LAB, f"eGFR {value}", codes, value, days_ago=ago)
        for n, (value, ago) in enumerate(results, 1)
    ]


@pytest.mark.parametrize(
    ("results", "wanted"),
    [
        # KDIGO: abnormal for at least 3 months (90 days here), below 60 counts.
        (((59, 0), (59, 89.9)), []),
        (((59, 0), (59, 90)), ["pass"]),
        (((59, 0), (59, 90.1)), ["pass"]),
        (((59.9, 0), (59.9, 100)), ["pass"]),
        (((60, 0), (59, 100)), []),
        # A normal result before it: how far back the run of abnormal ones reaches.
        (((59, 0), (59, 89.9), (60, 200)), ["fail"]),
        (((59, 0), (59, 90), (60, 200)), ["pass"]),
        (((59, 0), (60, 100), (59, 200)), ["fail"]),
    ],
)
def test_a_kidney_disease_of_three_months(
    results: tuple[tuple[float, float], ...], wanted: list[str]
) -> None:
    assert said(Timing(), TIMING["ckd-egfr"], *kidney(*results)) == wanted


@pytest.mark.parametrize(("ago", "wanted"), [(89.9, []), (90, ["pass"]), (90.1, ["pass"])])
def test_a_raised_creatinine_of_three_months(ago: float, wanted: list[str]) -> None:
    codes = (Code(LOINC, "2160-0", ""),)
    facts = [
        Fact(f"L{n}", Kind.LAB, "Creatinine", codes, 2.0, flag=Flag.HIGH, days_ago=days)
        for n, days in enumerate((0, ago), 1)
    ]
    assert said(Timing(), TIMING["ckd-creatinine"], *facts) == wanted


def test_every_rule_of_time_is_in_the_tables() -> None:
    lasts = {r.id: r for r in timing_rules() if isinstance(r, LastsRule)}
    assert sorted(lasts) == sorted([*AT_LEAST, *AT_MOST])
    assert len([r for r in timing_rules() if isinstance(r, AfterRule)]) == 7
    assert len([r for r in timing_rules() if isinstance(r, PersistsRule)]) == 2


@pytest.mark.parametrize(
    ("ago", "wanted"),
    [(-1.01, []), (-1, ["fail"]), (0, ["fail"]), (7, ["fail"]), (7.01, [])],
)
def test_a_complaint_of_the_last_week_tells_of_now(ago: float, wanted: list[str]) -> None:
    told = Fact("S1", Kind.COMPLAINT, "Cough for 3 days", days_ago=ago)
    assert said(Timing(), TIMING["chronic-cough"], told) == wanted


@pytest.mark.parametrize(("ago", "wanted"), [(0, "fail"), (0.9, "fail"), (1, "pass"), (2, "pass")])
def test_the_time_since_it_was_told_counts(ago: float, wanted: str) -> None:
    told = Fact("S1", Kind.COMPLAINT, "Cough for 27 days", days_ago=ago)
    assert said(Timing(), TIMING["chronic-cough"], told) == [wanted]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("for 30 minutes", 30 / 1440, 30 / 1440),
        ("for 12 hours", 0.5, 0.5),
        ("for 1 day", 1, 1),
        ("for two weeks", 14, 14),
        ("for 1 month", 30.4, 30.4),
        ("for 1 year", 365.25, 365.25),
        ("for 2 to 3 days", 2, 3),
        ("for a week", 7, 7),
        ("for twelve days", 12, 12),
        ("for more than 2 days", 2, None),
        ("for less than 2 days", None, 2),
        ("for zero days", 0, 0),
    ],
)
def test_lengths_of_time_in_days(text: str, least: float | None, most: float | None) -> None:
    (found,) = durations(f"cough {text}")
    assert (found.least, found.most) == (pytest.approx(least), pytest.approx(most))


def with_problem(code: str, began: float | None, *facts: Fact) -> IndexedChart:
    """A chart with one active problem of this code, known without a terminology."""
    fact = Fact("P1", Kind.PROBLEM, "x", (Code(ICD_10_CM, code),), status="active", days_ago=began)
    indexed = index_chart(Chart(PatientFacts(50, "female"), (fact, *facts)), None)
    problem = RecordedProblem(
        fact, DiagnosisIdentity(), (Concept(ICD_10_CM, code, ""),), frozenset()
    )
    return IndexedChart(
        indexed.chart, indexed.facts, (problem,), indexed.results, indexed.drugs, ""
    )


def sodium(ago: float) -> Fact:
    codes = (Code(LOINC, "2951-2"),)
    return Fact("L1", Kind.LAB, "Sodium 140", codes, 140.0, flag=Flag.NORMAL, days_ago=ago)


@pytest.mark.parametrize(
    ("ago", "told"),
    # Hyponatremia that began 10 days ago: results from 2 days before it to 1 day after it.
    [(12.1, False), (12, True), (11, True), (10, True), (9, True), (8.9, False), (0, False)],
)
def test_a_result_at_the_beginning_of_a_problem(ago: float, told: bool) -> None:
    found = list(results_and_problems(with_problem("E87.1", 10, sodium(ago))))
    assert [r.fact_ids for r in found] == ([("P1", "L1")] if told else [])


@pytest.mark.parametrize(
    ("code", "loinc", "value", "days_between", "newest"),
    [
        ("N18.3", "33914-3", 60.0, 90, 90),
        ("E66.9", "39156-5", 29.9, 365, 365),
        ("R63.6", "39156-5", 18.5, 365, 365),
    ],
)
def test_a_state_that_lasts(
    code: str, loinc: str, value: float, days_between: float, newest: float
) -> None:
    unit = {"33914-3": "mL/min/{1.73_m2}", "39156-5": "kg/m2"}[loinc]

    def told(first: float, last: float, began: float | None = None) -> bool:
        facts = [
            Fact(n, Kind.LAB, "x", (Code(LOINC, loinc),), value, unit=unit, days_ago=ago)
            for n, ago in (("L1", first), ("L2", last))
        ]
        return bool(list(results_and_problems(with_problem(code, began, *facts))))

    assert [told(0, days_between - 0.1), told(0, days_between), told(0, days_between + 0.1)] == [
        False,
        True,
        True,
    ]
    assert [told(newest, 2 * days_between), told(newest + 0.1, 3 * days_between)] == [True, False]
    # Of a problem that began since, the newest result says nothing.
    assert told(5, 5 + days_between, began=5)
    assert not told(5, 5 + days_between, began=4.9 - 365)


@pytest.mark.parametrize(
    ("ago", "told"), [(100, False), (101, False), (101.1, True), (None, False)]
)
def test_an_organ_removed_more_than_a_day_before(ago: float | None, told: bool) -> None:
    done = Fact("X1", Kind.PROCEDURE, "Cholecystectomy", status="completed", days_ago=ago)
    assert bool(list(after_removal(with_problem("K81", 100, done)))) is told
