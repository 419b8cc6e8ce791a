"""The model's list on a card: order, groups, a panel's agreement, a demonstration's silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cds_hooks.cards import build
from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    Consultation,
    Differential,
    Evidence,
    Group,
    Reason,
    Seriousness,
    Verdict,
)
from fhir_mapping.chart import Code, Fact, Flag, Kind
from tests.page_text import page_text

BASE = "https://cds.hospital.example"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
Uuids = Callable[[], str]


def detail_of(done: Consultation, make_uuid: Uuids, **more: object) -> str:
    [card] = build(done, base_url=BASE, make_uuid=make_uuid, **more).cards  # type: ignore[arg-type]
    return card.detail


def panel(answered: Consultation, models: int, share: float) -> Consultation:
    gout = Assessment("Gout", Group.LIKELY, Verdict.SUPPORTED, model_share=share)
    answers = tuple(Differential((), f"model-{n}") for n in range(models))
    return replace(answered, assessments=(gout,), differentials=answers)


def test_a_line_has_name_code_verdict_and_the_strongest_facts(
    answered: Consultation, make_uuid: Uuids
) -> None:
    detail = detail_of(answered, make_uuid)
    assert (
        "- **Acute kidney injury** (N17.9): supported. "
        "For: Potassium 6.4 mmol/L, critical high, 2 h ago. "
        "Against: Sodium 139 mmol/L, normal, 2 h ago\n"
    ) in detail
    assert "Essential hypertension (recorded); Ectopic pregnancy (contradicted)" in detail


def test_a_fact_that_is_known_to_bear_on_it_is_the_strongest(
    answered: Consultation, make_uuid: Uuids
) -> None:
    known = Reason("evidence-relevance", "pass", "known to speak for it", ("M1",))
    kidney = replace(answered.assessments[0], reasons=(known,))
    detail = detail_of(replace(answered, assessments=(kidney,)), make_uuid)
    assert "For: Ibuprofen 600 mg three times daily, active for 9 days" in detail


def test_the_best_supported_comes_first(answered: Consultation, make_uuid: Uuids) -> None:
    named = [
        Assessment(verdict.value, Group.LIKELY, verdict)
        for verdict in (Verdict.UNCERTAIN, Verdict.PLAUSIBLE, Verdict.SUPPORTED)
    ]
    detail = detail_of(replace(answered, assessments=tuple(named)), make_uuid)
    places = [detail.index(f"**{word}**") for word in ("supported", "plausible", "uncertain")]
    assert places == sorted(places)


@pytest.mark.parametrize("group", list(Group))
def test_must_not_miss_is_by_a_published_list_and_never_by_the_model(
    answered: Consultation, make_uuid: Uuids, group: Group
) -> None:
    rhinitis = Assessment(
        "Allergic rhinitis", group, Verdict.SUPPORTED, (Code(ICD, "J30.9", "Allergic rhinitis"),)
    )
    sepsis = Assessment("Sepsis", group, Verdict.SUPPORTED, (Code(ICD, "A41.9", "Sepsis"),))
    done = replace(answered, assessments=(rhinitis, sepsis))
    detail = detail_of(done, make_uuid)
    assert "- **Sepsis** (A41.9): supported, must not miss" in detail
    assert "- **Allergic rhinitis** (J30.9): supported\n" in detail
    page = page_text(done)
    urgent, _, others = page.partition("Other diagnoses on the list")
    assert "Sepsis" in urgent
    assert "Allergic rhinitis" in others


@pytest.mark.parametrize(
    ("models", "share", "told"),
    [
        (3, 1.0, "models agree: 3 of 3 name the first; "),
        (3, 2 / 3, "models mixed: 2 of 3 name the first; "),
        (3, 1 / 3, "models disagree: 1 of 3 names the first; "),
        (2, 0.5, "models disagree: 1 of 2 names the first; "),
        (1, 1.0, "**The model's list (AI)**: accuracy not measured here\n"),
    ],
)
def test_agreement_of_a_panel_is_told_in_words(
    answered: Consultation, make_uuid: Uuids, models: int, share: float, told: str
) -> None:
    assert told in detail_of(panel(answered, models, share), make_uuid)


def test_accuracy_is_what_the_site_measured_or_said_to_be_unknown(
    answered: Consultation, reviewed: Consultation, make_uuid: Uuids
) -> None:
    measured = "measured here: right within the first five 0.62 (0.542 to 0.691), n = 160"
    assert measured in detail_of(panel(answered, 3, 2 / 3), make_uuid, accuracy=measured)
    assert "accuracy not measured here" in detail_of(answered, make_uuid)
    assert "in 90% of 120 cases measured" in detail_of(reviewed, make_uuid)


def test_a_demonstration_model_has_one_line_and_its_list_on_the_page(
    demonstration: Consultation, make_uuid: Uuids
) -> None:
    [card] = build(demonstration, base_url=BASE, make_uuid=make_uuid, patient_id="p").cards
    assert card.summary == "Demonstration model, not for care: its list is behind the link"
    assert "- Demonstration model, not for care: list on the page behind the link\n" in card.detail
    assert card.suggestions == ()
    assert "kidney" not in card.detail + card.summary
    assert "Acute kidney injury" in page_text(demonstration)


def test_a_discriminator_is_shown_only_when_it_exists(demonstration: Consultation) -> None:
    invented = replace(demonstration.assessments[0], discriminator="Premi2")
    done = replace(demonstration, assessments=(invented, demonstration.assessments[1]))

    def known(text: str) -> bool:
        return "ECG" in text

    told = page_text(done, known)
    assert "Premi2" not in told
    assert "this would tell: 12-lead ECG with peaked T waves" in told
    assert "this would tell" not in page_text(done)


def test_a_claim_that_is_not_so_is_not_shown_as_evidence(
    answered: Consultation, make_uuid: Uuids
) -> None:
    infarction = replace(answered.assessments[3], evidence_for=(Evidence("L5", "high"),))
    detail = detail_of(replace(answered, assessments=(infarction,)), make_uuid)
    assert "Troponin" not in detail


def test_an_earlier_list_is_told_by_its_own_chart_and_at_its_age_now(
    answered: Consultation, pending: Consultation, make_uuid: Uuids
) -> None:
    """The id L3 is another fact in the chart of now, which the rules tell of."""
    other = Fact("L3", Kind.LAB, "Lipase 900 U/L (13-60)", flag=Flag.HIGH, days_ago=0.0)
    pancreatitis = ChartFinding(
        "p", "Pancreatitis", Seriousness.SERIOUS, ("Lipase 900 U/L",), ("L3",), "a source"
    )
    now = replace(
        pending, chart=replace(pending.chart, facts=(other,)), chart_findings=(pancreatitis,)
    )
    left = (Reason("unexplained-result", "abstain", "", ("V1",)),)
    last = replace(answered, unexplained=left, assessments=answered.assessments[:1])
    detail = detail_of(now, make_uuid, last=last, limit=9000)
    assert "For: Potassium 6.4 mmol/L, critical high, 8 h ago" in detail
    assert "Lipase (above)" not in detail
    assert "- Heart rate 112 /min, high, 9 h ago" in detail
