"""Rules before the model: in the summary, in the detail, in the indicator, in every outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cds_hooks.cards import build
from cds_hooks.cards.card_data import texts
from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    Consultation,
    Group,
    Outcome,
    Reason,
    Seriousness,
    Verdict,
)
from cds_hooks.protocol.cards import Card
from fhir_mapping.chart import Code
from tests.consultations import with_outcome

BASE = "https://cds.hospital.example"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
Uuids = Callable[[], str]
UNFINISHED = sorted(set(Outcome) - {Outcome.ANSWERED, Outcome.CHECKED})


def card_of(done: Consultation, make_uuid: Uuids, **more: object) -> Card:
    [card] = build(done, base_url=BASE, make_uuid=make_uuid, **more).cards  # type: ignore[arg-type]
    return card


def topic_of(card: Card) -> str:
    assert card.source.topic is not None
    return card.source.topic.code


def finding(name: str, kind: Seriousness, *told: str) -> ChartFinding:
    return ChartFinding(name.lower(), name, kind, told, (), "a source")


def diagnoses(*names: str, verdict: Verdict = Verdict.PLAUSIBLE) -> tuple[Assessment, ...]:
    return tuple(Assessment(name, Group.LIKELY, verdict) for name in names)


@pytest.mark.parametrize("outcome", UNFINISHED)
def test_what_rules_found_is_told_whatever_became_of_the_model(
    pending: Consultation, critical: Consultation, make_uuid: Uuids, outcome: Outcome
) -> None:
    done = with_outcome(pending, outcome, chart_findings=critical.chart_findings)
    card = card_of(done, make_uuid, silent={outcome})
    assert card.summary.startswith("Rules: findings fit severe hyperkalemia (Potassium 6.4 mmol/L)")
    assert card.source.label == "Chartside rules (no AI)"
    assert card.detail.startswith(
        "**From the chart, by rules (no AI)**\n\n- **Severe hyperkalemia**"
    )
    assert f"- {texts().outcomes[outcome].summary}" in card.detail
    assert card.indicator == "critical"
    assert card.suggestions == ()


@pytest.mark.parametrize("outcome", sorted(set(UNFINISHED) - {Outcome.EMPTY}))
def test_an_earlier_list_stands_beside_the_rules_of_now(
    pending: Consultation,
    answered: Consultation,
    critical: Consultation,
    make_uuid: Uuids,
    outcome: Outcome,
) -> None:
    done = with_outcome(pending, outcome, chart_findings=critical.chart_findings[1:])
    card = card_of(done, make_uuid, last=answered)
    assert "findings fit pulmonary embolism (SpO2 90 %, D-dimer 3.8 mg/L" in card.summary
    title = "**The model's list (AI)**: 6 h ago; accuracy not measured here; "
    assert f"{title}{texts().outcomes[outcome].short}\n" in card.detail
    assert "differential (AI)" in card.source.label


def test_what_an_earlier_list_lacks_is_told_as_on_the_card_of_that_list(
    pending: Consultation, answered: Consultation, critical: Consultation, make_uuid: Uuids
) -> None:
    """A hook may be answered in the moment in which another process stores the answer to it."""
    found = critical.chart_findings[1:]
    missed = Reason("red-flag", "fail", f"{found[0].diagnosis}: not named", ())
    last = replace(answered, chart_findings=found, red_flags=(missed,))
    now = replace(pending, chart_findings=found)
    told = [
        [line for line in each.detail.splitlines() if line.startswith("- **Pulmonary embolism**")]
        for each in (card_of(last, make_uuid), card_of(now, make_uuid, last=last))
    ]
    assert told[0] == told[1] != []
    assert "not on the model's list" in told[0][0]
    assert "not on the model's list" not in card_of(now, make_uuid).detail


@pytest.mark.parametrize(
    ("found", "clash", "indicator"),
    [
        ((finding("X", Seriousness.CRITICAL),), False, "critical"),
        ((finding("Y", Seriousness.NOTABLE), finding("X", Seriousness.CRITICAL)), True, "critical"),
        ((finding("X", Seriousness.SERIOUS),), False, "warning"),
        ((finding("X", Seriousness.NOTABLE),), False, "info"),
        ((finding("X", Seriousness.NOTABLE),), True, "warning"),
        ((), True, "warning"),
        ((), False, "info"),
    ],
)
def test_the_indicator_goes_by_what_rules_found(
    answered: Consultation,
    contradictory: Consultation,
    make_uuid: Uuids,
    found: tuple[ChartFinding, ...],
    clash: bool,
    indicator: str,
) -> None:
    done = replace(contradictory if clash else answered, chart_findings=found)
    assert card_of(done, make_uuid).indicator == indicator


def test_a_model_alone_never_raises_the_indicator(answered: Consultation, make_uuid: Uuids) -> None:
    sepsis = Assessment("Sepsis", Group.MUST_NOT_MISS, Verdict.SUPPORTED, (Code(ICD, "A41.9", ""),))
    assert card_of(replace(answered, assessments=(sepsis,)), make_uuid).indicator == "info"


def test_the_topic_tells_what_leads_the_card(
    answered: Consultation,
    contradictory: Consultation,
    critical: Consultation,
    pending: Consultation,
    make_uuid: Uuids,
) -> None:
    """Who sets a differential aside for good goes on seeing what rules find."""
    assert topic_of(card_of(critical, make_uuid)) == "chartsideChartFindings"
    assert topic_of(card_of(contradictory, make_uuid)) == "chartsideChartConflicts"
    assert topic_of(card_of(answered, make_uuid)) == "chartsideDifferential"
    assert topic_of(card_of(pending, make_uuid)) == "chartsideStatus"


def test_parts_come_in_their_order(critical: Consultation, make_uuid: Uuids) -> None:
    unexplained = (Reason("unexplained-result", "abstain", "", ("S1",)),)
    done = replace(critical, contradictions=(), unexplained=unexplained)
    detail = card_of(done, make_uuid, limit=9000).detail
    titles = [
        "From the chart, by rules (no AI)",
        "The model's list (AI)",
        "Not yet explained",
        "Basis",
    ]
    places = [detail.index(f"**{title}**") for title in titles]
    assert places == sorted(places)


def test_a_result_is_told_once(critical: Consultation, make_uuid: Uuids) -> None:
    """Potassium is in the finding, cited for two diagnoses, unexplained, and raised by a drug."""
    again = (Reason("unexplained-result", "abstain", "", ("L3",)),)
    detail = card_of(replace(critical, unexplained=again), make_uuid, limit=9000).detail
    assert detail.count("Potassium 6.4") == 1
    assert "For: Potassium (above)" in detail


def test_a_score_tells_what_it_lacks_and_what_is_ours(
    critical: Consultation, make_uuid: Uuids
) -> None:
    detail = card_of(critical, make_uuid).detail
    assert "Wells 7.5, likely above 4; not in the chart: hemoptysis" in detail
    assert "**Pulmonary embolism**\\* (serious)" in detail
    assert detail.endswith("\\* Partly by our own criteria.")
    bare = replace(critical.chart_findings[1], own="", missing=(), score="")
    detail = card_of(replace(critical, chart_findings=(bare,)), make_uuid).detail
    assert "limit of our own" not in detail
    assert "not in the chart" not in detail


def test_a_finding_that_the_model_did_not_name_says_so(
    critical: Consultation, reviewed: Consultation, make_uuid: Uuids
) -> None:
    red_flag = Reason("red-flag", "fail", "Pulmonary embolism: the chart tells of much")
    done = replace(critical, red_flags=(red_flag,), contradictions=())
    detail = card_of(done, make_uuid, limit=9000).detail
    assert detail.count("**Pulmonary embolism**") == 1
    assert "not on the model's list" in detail


@pytest.mark.parametrize(
    ("found", "summary"),
    [
        (
            (finding("Pulmonary embolism", Seriousness.SERIOUS, "SpO2 90 %", "D-dimer 3.8 mg/L"),),
            "Rules: findings fit pulmonary embolism (SpO2 90 %, D-dimer 3.8 mg/L)",
        ),
        (
            (finding("STEMI", Seriousness.CRITICAL), finding("Lyme disease", Seriousness.SERIOUS)),
            "Rules: findings fit STEMI; also Lyme disease",
        ),
        (
            (finding("Guillain-Barré syndrome", Seriousness.SERIOUS, "x" * 39, "y" * 39, "z" * 39),),  # noqa: E501
            f"Rules: findings fit Guillain-Barré syndrome ({'x' * 39}, {'y' * 39})",
        ),
        (
            (
                finding("Sepsis", Seriousness.CRITICAL, "Lactate 4.1 mmol/L"),
                *(finding(f"Disease {n} with a long name of its own", Seriousness.SERIOUS) for n in range(4)),  # noqa: E501
            ),
            "Rules: findings fit sepsis (Lactate 4.1 mmol/L); also Disease 0 with a long name of its own, "  # noqa: E501
            "Disease 1 with a long name of its own +2 more",
        ),
    ],
)  # fmt: skip
def test_the_summary_tells_the_most_serious_with_its_values(
    pending: Consultation, make_uuid: Uuids, found: tuple[ChartFinding, ...], summary: str
) -> None:
    assert card_of(replace(pending, chart_findings=found), make_uuid).summary == summary


def test_without_findings_the_summary_tells_what_does_not_fit(
    contradictory: Consultation, make_uuid: Uuids
) -> None:
    done = replace(contradictory, assessments=diagnoses("Gout"))
    assert card_of(done, make_uuid).summary == (
        "Rules: the same problem is recorded as active and as refuted "
        "(Addison disease, Adrenal insufficiency (Addison)); model: Gout (plausible)"
    )


@pytest.mark.parametrize(
    ("assessments", "summary"),
    [
        (diagnoses("Gout", "Pseudogout"), "Differential (AI): Gout, Pseudogout (plausible)"),
        (
            (*diagnoses("Gout"), *diagnoses("Sepsis", verdict=Verdict.SUPPORTED)),
            "Differential (AI): Sepsis (supported); Gout (plausible)",
        ),
        (
            diagnoses(*(f"Disease number {n} with a long name" for n in range(5))),
            "Differential (AI): Disease number 0 with a long name, "
            "Disease number 1 with a long name (plausible) +3 more",
        ),
        (
            diagnoses("Fluxitis", verdict=Verdict.UNRECOGNISED),
            "Differential (AI): the rules speak against every diagnosis that the model named",
        ),
        (
            diagnoses("Gout", verdict=Verdict.RECORDED),
            "Differential (AI): the model named only what is on the problem list",
        ),
    ],
)
def test_the_summary_names_what_stands(
    answered: Consultation,
    make_uuid: Uuids,
    assessments: tuple[Assessment, ...],
    summary: str,
) -> None:
    assert card_of(replace(answered, assessments=assessments), make_uuid).summary == summary


def test_values_that_fit_whole_come_before_those_that_would_be_cut(
    pending: Consultation, make_uuid: Uuids
) -> None:
    long = "recorded in this encounter: Sepsis, unspecified organism"
    found = finding("Sepsis", Seriousness.NOTABLE, long, "lactate 4.1 mmol/L", "BP 88/50 mmHg")
    card = card_of(replace(pending, chart_findings=(found,)), make_uuid)
    assert card.summary.startswith(
        "Rules: findings fit sepsis, as recorded (lactate 4.1 mmol/L, BP 88/50 mmHg"
    )
    assert "**Sepsis** (recorded in this encounter): lactate 4.1 mmol/L" in card.detail
