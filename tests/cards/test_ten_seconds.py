"""What a physician reads in ten seconds: nothing twice, and no fact that is no evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cds_hooks.cards import build
from cds_hooks.cards.phrases import short_phrase, short_text
from cds_hooks.consultation import (
    Assessment,
    ChartFinding,
    Consultation,
    Evidence,
    Group,
    Reason,
    Seriousness,
    Verdict,
)
from cds_hooks.protocol.cards import Card
from fhir_mapping.chart import Code, Fact, Flag, Kind
from tests.cards.woman import ASSESSMENTS

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
Uuids = Callable[[], str]


def card_of(done: Consultation, make_uuid: Uuids) -> Card:
    return build(done, base_url="https://cds.example", make_uuid=make_uuid, patient_id="p").cards[0]


def finding(
    name: str, how: Seriousness, told: tuple[str, ...], ids: tuple[str, ...]
) -> ChartFinding:
    return ChartFinding("r", name, how, told, ids, "a source")


def unlinked(name: str, code: str) -> Assessment:
    why = Reason("evidence-relevant", "fail", "no known link between it and the facts cited for it")
    codes = (Code(ICD, code, name),)
    cited = (Evidence("L2", "normal"),)
    return Assessment(name, Group.LIKELY, Verdict.UNCERTAIN, codes, (why,), cited)


def test_what_the_same_findings_fit_is_told_by_its_name(
    pending: Consultation, make_uuid: Uuids
) -> None:
    acidosis = finding("Severe acidosis", Seriousness.CRITICAL, ("pH 7.11",), ("L1",))
    first = ("glucose 468 mg/dL", "pH 7.11")
    ketoacidosis = finding("Diabetic ketoacidosis", Seriousness.CRITICAL, first, ("L1", "L3"))
    detail = card_of(replace(pending, chart_findings=(ketoacidosis, acidosis)), make_uuid).detail
    assert "**Also, by the same findings**: Severe acidosis (critical)" in detail
    assert detail.count("pH 7.11") == 1


def test_a_finding_with_facts_or_a_score_of_its_own_keeps_its_line(
    pending: Consultation, make_uuid: Uuids
) -> None:
    one = finding("Shock", Seriousness.CRITICAL, ("BP 80/50 mmHg",), ("L1",))
    other = finding("Sepsis", Seriousness.CRITICAL, ("lactate 5 mmol/L",), ("L3",))
    detail = card_of(replace(pending, chart_findings=(one, other)), make_uuid).detail
    assert "**Sepsis** (critical): lactate 5 mmol/L" in detail
    scored = replace(other, fact_ids=("L1",), score="NEWS2 9, high from 7")
    wider = replace(one, fact_ids=("L1", "L3"))
    detail = card_of(replace(pending, chart_findings=(wider, scored)), make_uuid).detail
    assert "NEWS2 9, high from 7" in detail


def test_a_finding_is_not_told_by_its_own_name(pending: Consultation, make_uuid: Uuids) -> None:
    told = ("heart rate 178 /min", "ventricular tachycardia")
    found = finding("Ventricular tachycardia", Seriousness.CRITICAL, told, ("L1",))
    card = card_of(replace(pending, chart_findings=(found,)), make_uuid)
    assert card.summary == "Rules: findings fit ventricular tachycardia (heart rate 178 /min)"


def test_uncertain_entries_without_evidence_share_a_line_and_show_no_fact(
    answered: Consultation, make_uuid: Uuids
) -> None:
    entries = (ASSESSMENTS[0], unlinked("Psoriasis", "L40.9"), unlinked("Gout", "M10.9"))
    card = card_of(replace(answered, assessments=entries), make_uuid)
    line = (
        "- Uncertain, no known link to the facts cited: **Psoriasis** (L40.9); **Gout** (M10.9)\n"
    )
    assert line in card.detail
    assert card.summary == "Differential (AI): Acute kidney injury (supported); 2 uncertain"


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        (("evidence-direction fail", "evidence-relevant fail"), "a cited fact is not as claimed"),
        (("evidence-exists abstain",), "no fact cited"),
        (("evidence-relevant abstain",), "relevance not assessed"),
        (("name-recognised abstain",), "name recognised only in part"),
        (("unusual-age fail", "evidence-relevant fail"), "unusual at this age"),
    ],
)
def test_an_uncertain_entry_says_why(
    answered: Consultation, make_uuid: Uuids, checks: tuple[str, ...], told: str
) -> None:
    reasons = tuple(Reason(*check.split()) for check in checks)
    doubted = Assessment("Gout", Group.LIKELY, Verdict.UNCERTAIN, reasons=reasons)
    detail = card_of(replace(answered, assessments=(doubted,)), make_uuid).detail
    assert f"- Uncertain, {told}: **Gout**\n" in detail


def test_what_a_rule_finds_against_an_entry_is_told(
    answered: Consultation, make_uuid: Uuids
) -> None:
    doubted = Assessment(
        "Heart failure",
        Group.LIKELY,
        Verdict.UNCERTAIN,
        reasons=(Reason("excluding-finding", "fail", "strongly speaks against it", ("L4",)),),
        evidence_for=(Evidence("S1", "present"),),
    )
    detail = card_of(replace(answered, assessments=(doubted,)), make_uuid).detail
    assert "- **Heart failure**: uncertain (a finding speaks against it). For: " in detail
    assert "Against: Sodium 139 mmol/L, normal, 2 h ago" in detail


def test_uncertain_names_are_in_the_summary_only_where_nothing_is_better(
    answered: Consultation, make_uuid: Uuids
) -> None:
    card = card_of(replace(answered, assessments=(unlinked("Gout", "M10.9"),)), make_uuid)
    assert card.summary == "Differential (AI): Gout (uncertain)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("platelets 62 10*3/uL (150-400) low", "platelets 62 x10³/µL, low"),
        ("Leukocytes 14269 /uL (3500-10500) high", "Leukocytes 14269 /µL, high"),
        (
            "Oxygen saturation in Arterial blood 92% (usual from 95) low",
            "Oxygen saturation 92%, low",
        ),
        (
            "Blood pressure 148/80 mmHg (usual 91-139/to 89) systolic high",
            "Blood pressure 148/80 mmHg, systolic high",
        ),
        (
            "creatinine 1.5 -> 1.5 mg/dL over 3 months, unchanged (0.6-1.2) high",
            "creatinine 1.5 mg/dL, unchanged over 3 months, high",
        ),
        ("Vomiting: Present", "Vomiting"),
        ("Urine nitrite: Positive", "Urine nitrite: Positive"),
        (
            "NT-proBNP 1520 -> 1450 pg/mL over 4 months, falling (0-300) high",
            "NT-proBNP 1520 → 1450 pg/mL over 4 months, high",
        ),
    ],
)
def test_a_result_is_told_without_what_does_not_help(text: str, shown: str) -> None:
    assert short_text(Fact("L1", Kind.LAB, text)) == shown


def test_a_summary_keeps_the_sign_of_a_value(pending: Consultation, make_uuid: Uuids) -> None:
    told = ("TSH <0.01 mIU/L", "troponin >=500 ng/L", "lactate > 15 mmol/L", "ESR <= 2 mm/h")
    found = finding("Thyroid storm", Seriousness.CRITICAL, told, ("L1",))
    assert card_of(replace(pending, chart_findings=(found,)), make_uuid).summary == (
        "Rules: findings fit thyroid storm (TSH under 0.01 mIU/L, troponin at least 500 ng/L, "
        "lactate over 15 mmol/L, ESR at most 2 mm/h)"
    )


def test_a_complaint_has_no_state_and_what_is_active_is_so_for_a_time() -> None:
    complaint = Fact("S1", Kind.COMPLAINT, "Chest pain", status="in-progress", days_ago=1 / 24)
    assert short_phrase(complaint) == "Chest pain, 1 h ago"
    gout = Fact("P1", Kind.PROBLEM, "Gout", status="active", days_ago=3300.0)
    assert short_phrase(gout) == "Gout, active for 9 years"
    over = replace(gout, status="resolved")
    assert short_phrase(over) == "Gout, resolved, 9 years ago"
    low = Fact("L1", Kind.LAB, "Sodium 131 mmol/L", flag=Flag.LOW, days_ago=2 / 24)
    assert short_phrase(low) == "Sodium 131 mmol/L, low, 2 h ago"
