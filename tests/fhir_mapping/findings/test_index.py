"""What facts tell: whose a finding is, whether it is so, sure and now, and by which code."""

from __future__ import annotations

import pytest

from fhir_mapping.chart import (
    Certainty,
    Chart,
    Code,
    Experiencer,
    Fact,
    Kind,
    PatientFacts,
    Polarity,
)
from fhir_mapping.context import Temporality
from fhir_mapping.findings import FindingIndex, findings_of

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"


def index(*facts: Fact) -> FindingIndex:
    return findings_of(Chart(PatientFacts(50, "female"), facts))


def test_a_fact_tells_some_findings_and_denies_others() -> None:
    told = index(Fact("S1", Kind.COMPLAINT, "Chest pain and dyspnea, no fever")).of_fact("S1")
    assert {"chest-pain", "dyspnea"} <= told.affirmed
    assert "fever" in told.denied
    assert not told.affirmed & told.denied


def test_an_unknown_fact_tells_nothing() -> None:
    assert index().of_fact("S9") == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("polarity", "told", "denied"),
    [
        (Polarity.PRESENT, ("O1",), ()),
        (Polarity.ABSENT, (), ("O1",)),
        (Polarity.REFUTED, (), ("O1",)),
        (Polarity.UNKNOWN, (), ()),
    ],
)
def test_the_polarity_of_the_fact_is_that_of_its_findings(
    polarity: Polarity, told: tuple[str, ...], denied: tuple[str, ...]
) -> None:
    found = index(Fact("O1", Kind.OBSERVATION, "Orthopnea", polarity=polarity))
    assert (found.affirmed("orthopnea"), found.denied("orthopnea")) == (told, denied)


def test_what_is_denied_in_a_denied_fact_is_denied_once() -> None:
    found = index(Fact("O1", Kind.OBSERVATION, "No fever", polarity=Polarity.ABSENT))
    assert found.denied("fever") == ("O1",)
    assert found.affirmed("fever") == ()


def test_what_is_suspected_counts_only_in_what_the_patient_comes_for() -> None:
    text = "Suspected melena"
    assert index(Fact("S1", Kind.COMPLAINT, text)).affirmed("melena") == ("S1",)
    noted = index(Fact("O1", Kind.OBSERVATION, text))
    assert noted.affirmed("melena") == ()
    assert noted.affirmed("melena", unsure=True) == ("O1",)
    assert noted.of("melena")[0].certainty is Certainty.UNCERTAIN


def test_a_relatives_cancer_is_a_family_history_of_the_patient() -> None:
    found = index(Fact("F1", Kind.FAMILY, "Mother: breast cancer", experiencer=Experiencer.FAMILY))
    assert found.affirmed("cancer") == ()
    assert found.affirmed("family-history-cancer") == ("F1",)
    assert found.of("cancer")[0].experiencer is Experiencer.FAMILY


def test_a_disease_of_the_past_is_a_history_and_of_the_present_is_not() -> None:
    over = Fact("P1", Kind.PROBLEM, "Pulmonary embolism", status="resolved")
    active = Fact("P2", Kind.PROBLEM, "Pulmonary embolism", status="active")
    assert index(over).affirmed("prior-vte") == ("P1",)
    assert index(active).affirmed("prior-vte") == ()


def test_a_symptom_of_a_resolved_problem_is_past_and_not_told_as_so() -> None:
    found = index(Fact("P1", Kind.PROBLEM, "Hematemesis", status="resolved"))
    assert found.affirmed("hematemesis") == ()
    assert found.of("hematemesis")[0].time is Temporality.HISTORICAL


@pytest.mark.parametrize(
    ("days_ago", "told"),
    [(-1.01, ()), (-1.0, ("N1",)), (0.0, ("N1",)), (7.0, ("N1",)), (7.01, ()), (None, ())],
)
def test_a_note_tells_symptoms_of_its_own_week(
    days_ago: float | None, told: tuple[str, ...]
) -> None:
    found = index(Fact("N1", Kind.NOTE, "She has chest pain.", days_ago=days_ago))
    assert found.affirmed("chest-pain") == told


@pytest.mark.parametrize(("days_ago", "told"), [(28.0, ("X1",)), (28.01, ()), (None, ())])
def test_an_operation_is_recent_for_four_weeks(
    days_ago: float | None, told: tuple[str, ...]
) -> None:
    done = Fact(
        "X1", Kind.PROCEDURE, "Total hip arthroplasty", status="completed", days_ago=days_ago
    )
    assert index(done).affirmed("recent-surgery") == told


@pytest.mark.parametrize(
    "text",
    [
        "Tonsillectomy",
        "Repair of laceration of finger",
        "Cataract surgery",
        "Dental surgery",
        "Excision of skin lesion",
        "Carpal tunnel release",
        "Skin biopsy",
        "Mohs surgery",
        "Amputation of toe",
    ],
)
def test_a_minor_operation_is_no_recent_surgery(text: str) -> None:
    done = Fact("X1", Kind.PROCEDURE, text, status="completed", days_ago=3.0)
    assert index(done).affirmed("recent-surgery") == ()


def test_a_drug_counts_while_it_is_taken() -> None:
    taken = Fact("M1", Kind.MEDICATION, "Apixaban 5 mg twice daily", status="active")
    stopped = Fact("M2", Kind.MEDICATION, "Warfarin 5 mg", status="stopped")
    assert index(taken, stopped).affirmed("on-anticoagulant") == ("M1",)


def test_a_symptom_word_in_the_name_of_a_drug_or_procedure_is_no_symptom() -> None:
    found = index(
        Fact("M1", Kind.MEDICATION, "Cough and fever syrup", status="active"),
        Fact("X1", Kind.PROCEDURE, "Assessment of chest pain", status="completed", days_ago=1.0),
    )
    assert found.told == frozenset()


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        (Code(ICD, "R07.89"), "chest-pain"),
        (Code(ICD, "R10.31"), "right-lower-pain"),
        (Code(ICD, "R11.2"), "vomiting"),
        (Code(ICD, "K92.1"), "melena"),
        (Code(SNOMED, "267036007"), "dyspnea"),
        (Code(SNOMED, "25064002"), "headache"),
        (Code(ICD, "Z86.711"), "prior-vte"),
    ],
)
def test_a_coded_symptom_is_known_without_words(code: Code, finding: str) -> None:
    assert index(Fact("P1", Kind.PROBLEM, "code", (code,))).affirmed(finding) == ("P1",)


@pytest.mark.parametrize("code", ["R06.0", "R06.09"])
def test_a_code_of_another_system_is_not_read(code: str) -> None:
    fact = Fact("P1", Kind.PROBLEM, "code", (Code("http://example.org/local", code),))
    assert index(fact).told == frozenset()


def test_a_code_that_denies() -> None:
    fact = Fact("H1", Kind.SOCIAL, "code", (Code(SNOMED, "266919005"),))
    assert index(fact).denied("smoking") == ("H1",)


def test_a_coded_symptom_that_is_absent_is_denied() -> None:
    code = (Code(SNOMED, "386661006"),)
    fact = Fact("O1", Kind.OBSERVATION, "code", code, polarity=Polarity.ABSENT)
    assert index(fact).denied("fever") == ("O1",)


def test_a_narrower_finding_tells_the_wider_and_a_denied_wider_denies_the_narrower() -> None:
    told = index(Fact("S1", Kind.COMPLAINT, "Orthopnea")).of_fact("S1")
    assert "dyspnea" in told.affirmed
    denied = index(Fact("S1", Kind.COMPLAINT, "No dyspnea")).of_fact("S1")
    assert "orthopnea" in denied.denied
    assert "dyspnea" not in index(Fact("S1", Kind.COMPLAINT, "No orthopnea")).of_fact("S1").denied


def test_a_gathering_finding_denies_none_of_what_it_gathers() -> None:
    told = index(Fact("S1", Kind.COMPLAINT, "No melena")).of_fact("S1")
    assert "hematemesis" not in told.denied
    assert "melena" in told.denied


def test_no_phrase_reaches_over_the_end_of_a_sentence() -> None:
    assert (
        index(Fact("N1", Kind.NOTE, "No swelling. Leg is fine.", days_ago=0.0)).told == frozenset()
    )
    found = index(Fact("S1", Kind.COMPLAINT, "Pain. Chest X-ray normal today, all fine"))
    assert found.affirmed("chest-pain") == ()


def test_history_of_the_background_is_read_in_social_history_and_symptoms_are_not() -> None:
    found = index(Fact("H1", Kind.SOCIAL, "Current every day smoker, cough"))
    assert found.affirmed("smoking") == ("H1",)
    assert found.affirmed("cough") == ()


def test_a_measured_value_tells_no_symptom() -> None:
    assert (
        index(Fact("O1", Kind.OBSERVATION, "Cough peak flow 300", value=300.0)).told == frozenset()
    )


def test_a_whole_question_is_not_what_the_patient_tells() -> None:
    text = "Feeling down, depressed, or hopeless in last 2 weeks: Several days"
    assert index(Fact("O1", Kind.OBSERVATION, text)).told == frozenset()
    answered = index(
        Fact("O1", Kind.OBSERVATION, "What brings you here today, if anything?: Chest pain")
    )
    assert answered.affirmed("chest-pain") == ("O1",)


def test_a_test_for_a_disease_is_no_history_of_it() -> None:
    tested = Fact(
        "X1", Kind.PROCEDURE, "Human immunodeficiency virus antigen test", status="completed"
    )
    given = Fact("X2", Kind.PROCEDURE, "Transplant of kidney", status="completed")
    assert index(tested).told == frozenset()
    assert {"organ-transplant", "immunosuppression"} <= index(given).told


@pytest.mark.parametrize(("days_ago", "told"), [(90.0, ("X1",)), (90.01, ()), (None, ())])
def test_chemotherapy_counts_for_three_months(
    days_ago: float | None, told: tuple[str, ...]
) -> None:
    done = Fact("X1", Kind.PROCEDURE, "Chemotherapy", status="completed", days_ago=days_ago)
    assert index(done).affirmed("immunosuppression") == told


def test_a_resolved_problem_is_past_although_its_text_says_resolved() -> None:
    found = index(Fact("P1", Kind.PROBLEM, "Acute pharyngitis (resolved)", status="resolved"))
    assert found.affirmed("sore-throat") == ()
