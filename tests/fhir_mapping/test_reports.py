"""Charts that were once told wrong, from reports beside the checkout, with what each should give.

Every kind has tests of its own in this folder, which need nothing beside the checkout.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import Chart, Kind, map_chart
from fhir_mapping.input.loading import find_patient_ids, load_path
from prompts import lay_out, load, render
from tests.sample.places import DATA, SHARED

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
REPORTS = SHARED.folder / "reports"

pytestmark = pytest.mark.skipif(
    SHARED not in DATA or not REPORTS.is_dir(), reason="the reports are not beside this checkout"
)

# File -> (phrases that a fact has, with "absent:", "unknown:" or "refuted:" before them where it is
# not present), (phrases that no fact has).
EXPECTED: dict[str, tuple[list[str], list[str]]] = {
    "d01_focus_own_condition": (["Stage IV", "Liver", "dehydrogenase 620"], []),
    "d02_component_needs_parent": (["Ectopia lentis: Present", "absent:Arachnodactyly: Absent"],
                                   ["->"]),
    "d03_two_isolates": (["Ciprofloxacin (Escherichia coli): susceptible",
                          "Ciprofloxacin (Pseudomonas aeruginosa): resistant"], ["->"]),
    "d04_same_moment_is_no_course": (["98 mg/dL", "250 mg/dL"], ["->", "rising"]),
    "d05_specimen_csf": (["Leukocytes (Cerebrospinal fluid) 1200 /uL"], []),
    "d06_ips_narrative_allergy": (["enicillin"], []),
    "d07_section_empty_reason": (["absent:No known allergies"], []),
    "d08_family_condition_negative": (["absent:olon cancer"], []),
    "d09_hba1c_mmol_mol": (["HbA1c 53 mmol/mol"], ["(usual 40-56)"]),
    "d10_ddimer_feu_ddu": (["450 ng/mL DDU", "0.9 mg/L FEU"], ["->", "rising"]),
    "d11_interpretation_other_system": (["Wild type"], ["worse"]),
    "d12_interpretation_text": (["Mild depression (5-9)", "Positive, speckled"], []),
    "d13_value_code_ND_local": (["unknown:Not done"], ["absent"]),
    "d14_interpretation_contradicts_range": (["high by its range, sent as normal"], []),
    "d15_r5_adherence_stopped": (["Apixaban (stopped: GI bleeding)"], []),
    "d16_icd10gm_excluded": (["refuted:"], []),
    "d17_dose_day_of_week": (["15 mg on Mondays"], ["daily"]),
    "d18_dose_when": (["in the morning", "in the evening"], ["then"]),
    "d19_range_text_comma": (["(to 0.5)"], ["high"]),
    "d20_phi_japanese_name": ([], ["\u67b6\u7a7a", "\u4e00\u90ce"]),
    "d21_phi_birth_date_dd_mmm_yyyy": (["Chest pain"], ["1983", "25 Aug", "25AUG"]),
    "d22_mask_eponym": (["Parkinson disease", "Small cell carcinoma"], ["[patient]"]),
    "d23_attachment_gzip_as_text": (["chest pain"], ["\x1f", "\ufffd"]),
    "d25_history_deleted": ([], ["HIV"]),
    "d26_fullurl_without_id": (["Warfarin 5 mg tablet"], []),
    "d27_snomed_observable_without_value": ([], ["drug use", "potassium"]),
    "d30_pregnancy_usual_range": (["Hemoglobin 11.2 g/dL"], ["usual"]),
    "d31_stale_open_encounter": (["Present encounter: Emergency visit", "Chest pain"], []),
}  # fmt: skip


def chart_of(name: str) -> Chart:
    resources = load_path(REPORTS / "fhir" / f"{name}.json")
    [patient_id] = find_patient_ids(resources)
    return map_chart(resources, patient_id=patient_id, now=NOW)


def shown(fact: Any) -> str:
    said = "" if fact.polarity == "present" else f"{fact.polarity}:"
    return f"{said}{fact.text}"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_reported_chart_is_told_right(name: str) -> None:
    told = [shown(fact) for fact in chart_of(name).facts]
    expected, never = EXPECTED[name]
    for phrase in expected:
        start, _, rest = phrase.rpartition(":") if phrase.count(":") == 1 else ("", "", phrase)
        is_state = start in ("absent", "unknown", "refuted")
        assert any(
            (text.startswith(f"{start}:") and rest in text) if is_state else phrase in text
            for text in told
        ), (phrase, told)
    assert not [phrase for phrase in never if any(phrase in text for text in told)], told


def test_that_nothing_is_known_is_no_allergy() -> None:
    chart = chart_of("d24_allergy_nothing_known")
    told = chart.of(Kind.ALLERGY)
    assert told
    assert {fact.polarity for fact in told} <= {"absent", "unknown"}


def test_an_answer_without_its_question_is_told_by_its_code_or_said_to_be_left_out() -> None:
    chart = chart_of("d28_questionnaire_without_text")
    left = [o for o in chart.omissions if o.what.startswith("QuestionnaireResponse/")]
    told = [fact for fact in chart.facts if "Nearly every day" in fact.text]
    assert told or (left and all(o.reason != "no-value" for o in left))


def test_drugs_do_not_crowd_out_everything_else() -> None:
    layout = lay_out(chart_of("d29_drugs_crowd_out_everything"), load("differential"))
    prompt = render(layout, [1 + len(text) // 2 for text in layout.texts])
    for phrase in ("Hemoglobin 6.2", "Platelets 12", "IgG 4200", "Multiple myeloma"):
        assert phrase in prompt.messages[1].content


def test_the_problem_list_does_not_name_the_present_complaint_of_an_old_encounter() -> None:
    complaints = [fact.text for fact in chart_of("d31_stale_open_encounter").of(Kind.COMPLAINT)]
    assert complaints == ["Chest pain"]
