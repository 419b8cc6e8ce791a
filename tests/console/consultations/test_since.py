"""What a page says of a newer consultation, and of what changed in the chart since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_hooks.console.consultations.since import ChangedLine, since
from cds_hooks.consultation import Consultation, KeyState, Outcome, PreparedConsultation
from fhir_mapping.chart import Chart, Code, Fact, Flag, Kind, PatientFacts
from tests.page_text import page_html, words_of

HOUR = 1 / 24
POTASSIUM = Fact(
    "L1",
    Kind.LAB,
    "Potassium 6.4 mmol/L",
    flag=Flag.CRITICAL_HIGH,
    days_ago=HOUR,
    codes=(Code("http://loinc.org", "2823-3", "Potassium"),),
    sources=("Observation/k",),
)
IBUPROFEN = Fact("M1", Kind.MEDICATION, "Ibuprofen 600 mg", days_ago=9.0, status="active")
TROPONIN = Fact("L2", Kind.LAB, "Troponin I 84 ng/L", flag=Flag.HIGH, days_ago=0.0)


def consultation(*facts: Fact, created: float = 0.0, **more: object) -> PreparedConsultation:
    chart = Chart(PatientFacts(61.4, "female"), facts)
    values = {"id": f"c-{created}", "key": "k", "service": "s", "patient_key": "p", **more}
    return PreparedConsultation(created=created, chart=chart, **values)  # type: ignore[arg-type]


def test_each_change_is_told_as_what_it_is_with_its_age_as_of_now() -> None:
    lower = replace(POTASSIUM, text="Potassium 5.2 mmol/L", flag=Flag.HIGH, days_ago=0.0)
    before = consultation(POTASSIUM, IBUPROFEN)
    later = consultation(lower, TROPONIN, created=3600.0)
    found = since(before, later, now=7200.0)
    assert found.lines == (
        ChangedLine(
            "changed",
            "Potassium 5.2 mmol/L, high, 1 h ago",
            "Potassium 6.4 mmol/L, critical high, 3 h ago",
        ),
        ChangedLine("new", "Troponin I 84 ng/L, high, 1 h ago"),
        ChangedLine("gone", "Ibuprofen 600 mg, active for 9 days"),
    )
    assert found.matter
    assert found.age == "1 h ago"


def test_what_could_not_be_read_is_not_told_as_gone() -> None:
    before = consultation(POTASSIUM, IBUPROFEN)
    later = consultation(
        POTASSIUM, created=60.0, key_states={"medicationRequests": KeyState.UNAVAILABLE}
    )
    found = since(before, later, now=60.0)
    assert found.lines == ()
    assert found.unread_now == ("medication orders",)
    page = words_of(page_html(before, since=found))
    assert "nothing is told as gone: medication orders" in page


def test_what_may_only_not_have_been_read_then_is_said_so() -> None:
    before = consultation(POTASSIUM, key_states={"laboratory": KeyState.PARTIAL})
    found = since(before, consultation(POTASSIUM, TROPONIN, created=60.0), now=60.0)
    assert found.unread_then == ("laboratory results",)
    assert "some of what is new may be older: laboratory results" in words_of(
        page_html(before, since=found)
    )


def test_time_alone_is_no_change() -> None:
    older = replace(POTASSIUM, days_ago=30.0)
    found = since(
        consultation(POTASSIUM), consultation(older, created=2_500_000.0), now=2_500_000.0
    )
    assert not found.matter
    assert "Nothing is known to have changed since" in words_of(
        page_html(consultation(POTASSIUM), since=found)
    )


def test_a_change_of_who_the_patient_is_matters() -> None:
    later = consultation(POTASSIUM, created=60.0)
    later = replace(later, chart=replace(later.chart, patient=PatientFacts(61.4, "male")))
    found = since(consultation(POTASSIUM), later, now=60.0)
    assert found.matter
    assert "recorded sex, or whether the patient is alive" in words_of(
        page_html(consultation(POTASSIUM), since=found)
    )


@pytest.mark.parametrize("link", ["", "other"])
def test_the_newer_one_is_told_and_linked_only_where_it_may_be_opened(link: str) -> None:
    before = consultation(POTASSIUM)
    found = since(before, consultation(TROPONIN, created=60.0), now=120.0, link=link)
    html = page_html(before, since=found)
    assert "There is a newer consultation of this patient" in html
    assert "the model has not answered it yet" in html
    assert ('href="other"' in html) is bool(link)
    assert ("newer card in the EHR" in html) is not bool(link)


def test_changes_stand_in_the_notice_and_further_ones_are_counted() -> None:
    facts = [replace(TROPONIN, id=f"L{n}", text=f"Analyte {n}") for n in range(2, 7)]
    before = consultation(POTASSIUM)
    found = since(before, consultation(POTASSIUM, *facts, created=60.0), now=60.0)
    page = words_of(page_html(before, since=found))
    notice, _, rest = page.partition("From the chart, by rules")
    assert "new: Analyte 4" in notice
    assert "Analyte 5" not in notice
    assert "and 2 more" in notice
    assert "Analyte 6" in rest


def test_an_outcome_without_a_list_is_called_so() -> None:
    before: Consultation = consultation(POTASSIUM)
    reused = replace(consultation(POTASSIUM, created=60.0), reuses_last=True)
    assert reused.outcome is Outcome.REUSED
    assert since(before, reused, now=60.0).state == "the model gave no new list"
