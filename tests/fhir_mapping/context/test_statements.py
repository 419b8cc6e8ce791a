"""Short statements as a whole, and the answers of laboratories."""

from __future__ import annotations

import pytest

from fhir_mapping import Certainty, Experiencer, Polarity
from fhir_mapping.context import Statements, polarity_of_text

ABSENT, PRESENT, UNKNOWN = Polarity.ABSENT, Polarity.PRESENT, Polarity.UNKNOWN
SURE, UNSURE = Certainty.CERTAIN, Certainty.UNCERTAIN


@pytest.mark.parametrize(
    ("text", "polarity", "certainty"),
    [
        ("PE ruled out by CT", ABSENT, SURE),
        ("Lungenembolie ausgeschlossen im CT", ABSENT, SURE),
        ("embolie pulmonaire exclue par scanner", ABSENT, SURE),
        ("PE not ruled out by CT", PRESENT, UNSURE),
        ("Nicht ausgeschlossen: Lungenembolie", PRESENT, UNSURE),
        ("Ausschluß Fraktur", ABSENT, SURE),
        ("Vd. auf Sepsis", PRESENT, UNSURE),
        ("Verdachtsdiagnose Sepsis", PRESENT, UNSURE),
        ("Sepsis confirmed by culture", PRESENT, SURE),
    ],
)
def test_a_statement(text: str, polarity: Polarity, certainty: Certainty) -> None:
    whole = Statements().whole(text)
    assert (whole.polarity, whole.certainty) == (polarity, certainty)


@pytest.mark.parametrize(
    ("text", "polarity"),
    [
        ("Ø", ABSENT), ("Target not detected", ABSENT), ("steril", ABSENT),
        ("keine Keime", ABSENT), ("nicht reaktiv", ABSENT), ("absence", ABSENT),
        ("++", PRESENT), ("trace", PRESENT), ("schwach positiv", PRESENT), ("reaktiv", PRESENT),
        ("grenzwertig", UNKNOWN), ("nicht durchgeführt", UNKNOWN), ("pending", UNKNOWN),
        ("hemolyzed", UNKNOWN),
        ("No growth after 48h", ABSENT), ("-/-", ABSENT),
        ("0", None), ("<1:40", None), ("1:320", None), ("5-10", None),
        ("unauffällig", None),
    ],
)  # fmt: skip
def test_an_answer_of_a_laboratory(text: str, polarity: Polarity | None) -> None:
    assert polarity_of_text(text) is polarity


@pytest.mark.parametrize(
    ("question", "text", "polarity"),
    [
        ("Pedal pulse left", "absent", None),
        ("Bowel sounds", "Absent", None),
        ("Appetite", "none", None),
        ("Kindsbewegungen", "keine", None),
        ("Appetite", "no", ABSENT),  # the answer to a question about it
        ("Appetite loss", "none", ABSENT),
        ("Urine culture", "none", ABSENT),
        ("Blood in urine", "absent", ABSENT),
        ("Rash", "absent", ABSENT),
    ],
)
def test_the_answer_that_a_thing_lacks_is_a_value(
    question: str, text: str, polarity: Polarity | None
) -> None:
    assert Statements().answer(question, text) is polarity


@pytest.mark.parametrize(
    ("text", "polarity", "certainty"),
    [
        ("肺炎疑い", Polarity.PRESENT, Certainty.UNCERTAIN),
        ("肺炎の疑い", Polarity.PRESENT, Certainty.UNCERTAIN),
        ("疑似肺炎", Polarity.PRESENT, Certainty.UNCERTAIN),
        ("肺癌待排", Polarity.PRESENT, Certainty.UNCERTAIN),
        ("폐렴 의심", Polarity.PRESENT, Certainty.UNCERTAIN),
        ("発熱なし", Polarity.ABSENT, Certainty.CERTAIN),
        ("肺炎", Polarity.PRESENT, Certainty.CERTAIN),
        ("疑いのない肺炎", Polarity.PRESENT, Certainty.CERTAIN),
    ],
)
def test_the_end_of_a_name_without_blanks(
    text: str, polarity: Polarity, certainty: Certainty
) -> None:
    found = Statements().problem(text)
    assert (found.polarity, found.certainty) == (polarity, certainty)


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("Vater an Herzinfarkt verstorben", Experiencer.FAMILY),
        ("Mutter an einem Schlaganfall verstorben", Experiencer.FAMILY),
        ("Herzinfarkt", Experiencer.PATIENT),
        ("Mother an anxious informant; chest pain", Experiencer.PATIENT),
    ],
)
def test_a_relatives_death_in_german(text: str, whose: Experiencer) -> None:
    assert Statements().problem(text).experiencer is whose
