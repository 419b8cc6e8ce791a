"""Text that nothing else tells is told: sections of notes and documents on allergies and drugs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Kind, Polarity

Make = Callable[..., Any]
LOINC = "http://loinc.org"
EMPTY = "http://terminology.hl7.org/CodeSystem/list-empty-reason"


@pytest.fixture(scope="module")
def section(coded: Make) -> Make:
    """A section of a document: section("48765-2", "Allergien", "Penicillin")."""

    def make(code: str, title: str, text: str = "", **more: Any) -> dict[str, Any]:
        made = {"code": coded(code, title, LOINC), "title": title, **more}
        if text:
            made["text"] = {"div": f"<div>{text}</div>"}
        return made

    return make


@pytest.fixture(scope="module")
def document(resource: Make) -> Make:
    def make(*sections: dict[str, Any], **more: Any) -> dict[str, Any]:
        return resource("Composition", "c", status="final", date="2024-06-10",
                        type={"text": "Summary"}, section=list(sections), **more)  # fmt: skip

    return make


def notes(chart: Any) -> str:
    return " ".join(fact.text for fact in chart.of(Kind.NOTE))


@pytest.mark.parametrize("title", ["Allergies and Intolerances", "Allergien", "Allergies connues"])
def test_an_allergy_that_only_a_section_names(
    section: Make, document: Make, chart_of: Make, title: str
) -> None:
    chart = chart_of(document(section("48765-2", title, "Penicillin: anaphylaxis 2015")))
    assert "Penicillin: anaphylaxis 2015" in notes(chart)


@pytest.mark.parametrize("title", ["Allergies", "Allergien", "Allergies connues"])
def test_it_is_left_out_where_the_chart_has_allergies(
    section: Make, document: Make, resource: Make, chart_of: Make, title: str
) -> None:
    known = resource("AllergyIntolerance", "a", code={"text": "Penicillin"})
    told = document(section("48765-2", title, "Penicillin"), section("10164-2", "HPI", "Cough."))
    chart = chart_of(told, known)
    assert "Penicillin" not in notes(chart)
    assert ("Composition/c#allergies", "told-elsewhere") in {
        (o.what, o.reason) for o in chart.omissions
    }


def test_no_known_allergies_in_the_chart_hide_no_allergy_of_a_note(
    section: Make, document: Make, resource: Make, chart_of: Make
) -> None:
    none = resource("AllergyIntolerance", "a", code={"text": "NKA"})
    named = chart_of(none, document(section("48765-2", "Allergies", "Penicillin: rash")))
    assert "Penicillin" in notes(named)
    same = chart_of(none, document(section("48765-2", "Allergies", "NKDA")))
    assert notes(same) == ""


@pytest.mark.parametrize(
    ("heading", "text"),
    [("Medications", "Warfarin 5 mg daily"), ("Dauermedikation", "Marcumar nach INR")],
)
def test_the_same_of_a_note_and_its_drugs(
    resource: Make, chart_of: Make, heading: str, text: str
) -> None:
    note = resource("DocumentReference", "d", status="current", date="2024-06-10T00:00:00Z",
                    description=f"{heading}: {text}")  # fmt: skip
    assert text in notes(chart_of(note))
    drug = resource("MedicationStatement", "m", status="active",
                    medicationCodeableConcept={"text": "Warfarin"})  # fmt: skip
    assert text not in notes(chart_of(note, drug))


def test_entries_that_are_not_here_are_told_from_the_text(
    section: Make, document: Make, resource: Make, chart_of: Make
) -> None:
    known = resource("AllergyIntolerance", "a", code={"text": "Latex"})
    gone = [{"reference": "AllergyIntolerance/a"}, {"reference": "AllergyIntolerance/gone"}]
    chart = chart_of(
        known, document(section("48765-2", "Allergies", "Latex. Penicillin.", entry=gone))
    )
    assert "Penicillin" in notes(chart)
    here = chart_of(known, document(section("48765-2", "Allergies", "Latex.", entry=gone[:1])))
    assert notes(here) == ""


def test_entries_that_are_neither_here_nor_told(
    section: Make, document: Make, reasons: Make
) -> None:
    gone = [{"reference": "Condition/gone"}]
    sent = document(section("11450-4", "Problems", entry=gone))
    assert reasons(sent)["Composition/c#section-1"] == "entries-missing"


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("48765-2", Kind.ALLERGY, "No known allergies"),
        ("10160-0", Kind.MEDICATION, "No known medications"),
        ("11450-4", Kind.PROBLEM, "No known problems"),
        ("47519-4", Kind.PROCEDURE, "No known procedures"),
        ("11369-6", Kind.IMMUNIZATION, "No known immunizations"),
        ("46264-8", Kind.DEVICE, "No known devices"),
        ("10157-6", Kind.FAMILY, "No known family history"),
    ],
)
def test_an_empty_section_because_nothing_is_known(
    section: Make, document: Make, chart_of: Make, code: str, kind: Kind, text: str
) -> None:
    empty = {"coding": [{"system": EMPTY, "code": "nilknown"}]}
    (fact,) = chart_of(document(section(code, "X", emptyReason=empty))).facts
    assert (fact.kind, fact.text, fact.polarity) == (kind, text, Polarity.ABSENT)
    assert fact.nothing_known
    assert (fact.sources, fact.paths) == (("Composition/c",), ("Composition/c#section-1",))


@pytest.mark.parametrize("reason", ["notasked", "withheld", "unavailable", "notstarted", "closed"])
def test_an_empty_section_for_another_reason(
    section: Make, document: Make, chart_of: Make, reason: str
) -> None:
    empty = {"coding": [{"system": EMPTY, "code": reason}]}
    chart = chart_of(document(section("48765-2", "Allergies", emptyReason=empty)))
    assert chart.facts == ()
    assert ("Composition/c#section-1", f"empty-{reason}") in {
        (o.what, o.reason) for o in chart.omissions
    }


def test_a_section_without_a_code_is_known_by_its_title(document: Make, chart_of: Make) -> None:
    empty = {"coding": [{"system": EMPTY, "code": "nilknown"}]}
    (fact,) = chart_of(document({"title": "Allergien", "emptyReason": empty})).facts
    assert fact.text == "No known allergies"


def test_what_no_resource_tells_is_not_cut_from_a_long_note(
    section: Make, document: Make, chart_of: Make
) -> None:
    story = " ".join(
        f"On day {n} the patient walked a little further than before." for n in range(40)
    )
    chart = chart_of(document(
        section("10164-2", "HPI", story), section("48765-2", "Allergies", "Penicillin: shock.")
    ))  # fmt: skip
    assert "Penicillin: shock." in notes(chart)
