"""Notes: sections, boilerplate, repeats, excerpts, denied findings, masking."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Chart, Kind, Polarity
from fhir_mapping.context import Reading
from fhir_mapping.notes.negation import denied
from fhir_mapping.notes.sections import cut

Make = Callable[..., Any]


@pytest.fixture
def note(resource: Make, ago: Make) -> Make:
    """A note as a DocumentReference."""

    def make(
        identity: str, text: str, days: float = 0.5, media: str = "text/plain"
    ) -> dict[str, Any]:
        data = base64.b64encode(text.encode()).decode()
        return resource(
            "DocumentReference",
            identity,
            status="current",
            type={"text": "Progress note"},
            date=ago(days),
            content=[{"attachment": {"contentType": media, "data": data}}],
        )

    return make


def _notes(chart: Chart) -> list[str]:
    return [fact.text for fact in chart.of(Kind.NOTE)]


SOAP = """CC: Chest pain
HPI: 3 days of pleuritic chest pain. Denies fever, chills or hemoptysis.
PHYSICAL EXAM
- No leg swelling
- Crackles at the left base
Family history: Father with pulmonary embolism.
A: Likely pneumonia.
P: Start antibiotics.
Electronically signed by Jane Doe, MD
"""


def test_a_note_is_cut_into_sections() -> None:
    found = [(section.kind.kind, section.sentences) for section in cut(SOAP)]
    assert found == [
        ("complaint", ("Chest pain",)),
        (
            "present-illness",
            ("3 days of pleuritic chest pain.", "Denies fever, chills or hemoptysis."),
        ),
        ("examination", ("No leg swelling", "Crackles at the left base")),
        ("family-history", ("Father with pulmonary embolism.",)),
        ("assessment", ("Likely pneumonia.",)),
        ("plan", ("Start antibiotics.",)),
    ]


def test_denied_findings_are_absent(note: Make, chart_of: Make) -> None:
    chart = chart_of(note("d1", SOAP))
    absent = {f.text for f in chart.facts if f.polarity is Polarity.ABSENT}
    assert absent == {"Fever", "Chills", "Hemoptysis", "Leg swelling"}
    assert all(f.sources == ("DocumentReference/d1",) for f in chart.facts)


@pytest.mark.parametrize(
    ("sentence", "absent"),
    [
        ("Denies chest pain, fever, or chills.", {"Chest pain", "Fever", "Chills"}),
        ("No evidence of jaundice.", {"Jaundice"}),
        ("She has no nausea but reports vomiting.", {"Nausea"}),
        ("Fever was denied.", {"Fever"}),
        ("Negative for hematuria and dysuria", {"Hematuria", "Dysuria"}),
        ("Syncope was ruled out.", {"Syncope"}),
        ("No shortness of breath, no wheezes.", {"Shortness of breath", "Wheezing"}),
        ("Without rash.", {"Rash"}),
        ("No increase in cough.", set()),
        ("No relief of headache with tablets.", set()),
        ("Cough and fever for three days.", set()),
        ("Return if fever or no improvement.", set()),
        ("His mother has no chest pain.", set()),
        ("No history of seizure as a child.", set()),
        ("Rule out pneumonia; no fever.", {"Fever"}),
        ("Gram negative sepsis with fever.", set()),
        ("Patient is not feverish.", set()),
        ("", set()),
        # lists of abbreviations, signs, and words that deny by themselves
        (
            "no CP/SOB/N/V/D",
            {"Chest pain", "Shortness of breath", "Nausea", "Vomiting", "Diarrhea"},
        ),
        ("denies f/c/s", {"Fever", "Chills", "Diaphoresis"}),
        ("n/v/d/c denied", {"Nausea", "Vomiting", "Diarrhea", "Constipation"}),
        ("n/v since Monday", set()),
        ("A 20/40, D/C home, no fever", {"Fever"}),
        ("neg for fever, chills", {"Fever", "Chills"}),
        ("(-) fever (-) cough", {"Fever", "Cough"}),
        ("- fever, + cough", {"Fever"}),
        ("ROS neg except as per HPI", set()),
        ("No hx of seizures", set()),
        ("No pain", {"Pain"}),
        ("Patient is afebrile and anicteric.", {"Fever", "Jaundice"}),
        ("Return if no longer afebrile", set()),
        ("Was not afebrile", set()),
        ("no nausea vomiting diarrhea", {"Nausea", "Vomiting", "Diarrhea"}),
        # what is denied of a part or a kind stays there
        ("no periorbital swelling", {"Facial swelling"}),
        ("No calf swelling.", {"Calf swelling"}),
        ("No calf pain", {"Calf pain"}),
        ("No saddle numbness", {"Saddle numbness"}),
        ("No swelling of the calf", set()),
        ("No facial weakness", set()),
        ("No severe headache", set()),
        ("No chest pain on exertion", set()),
        ("No headache at this time", {"Headache"}),
        ("No fever in the last 3 days", {"Fever"}),
        ("No numbness in the left hand, no fever", {"Fever"}),
    ],
)
def test_negation_follows_the_published_rules(sentence: str, absent: set[str]) -> None:
    assert set(denied(sentence)) == absent


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ECG: P waves march through.\nPlan: rest", "[ECG] P waves march through."),
        ("Stable overnight. ECG: P waves march through.", "[ECG] P waves march through."),
        ("# EKG\nNo ST elevation.", "[EKG] No ST elevation."),
        ("[CT]\nFree fluid.", "[CT] Free fluid."),
        ("CT HEAD\nNo bleed.", "[CT head] No bleed."),
        ("CXR: clear. Echo: normal.", "CXR: clear. Echo: normal."),
        ("Results: hemoglobin 9.", "[Results] hemoglobin 9."),
        ("US: gallstones", "US: gallstones"),
    ],
)
def test_a_finding_keeps_the_word_of_its_examination(
    note: Make, chart_of: Make, text: str, told: str
) -> None:
    (said,) = _notes(chart_of(note("d1", text)))
    assert told in said


@given(st.text(max_size=300))
def test_any_text_can_be_cut_and_asked_for_denials(text: str) -> None:
    for section in cut(text):
        for sentence in section.sentences:
            assert sentence
            assert "\n" not in sentence
            assert all(isinstance(name, str) for name in denied(sentence))


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("Denies:\n- fever\n- chest pain\nExam:\n- rash", {"Fever", "Chest pain"}),
        ("Pertinent negatives:\nfever\nchest pain\n\nCough since Monday.", {"Fever", "Chest pain"}),
        ("Denies:\nfever\nHe has had a cough since Monday morning.\nrash", {"Fever"}),
        ("Denies: fever; chills.\nCough.", {"Fever", "Chills"}),
        ("ROS:\n- Fever: no\n- Cough: yes\n- Rash: none", {"Fever", "Rash"}),
        ("CC: Denies\nfever", set()),
    ],
)
def test_a_list_under_a_denial_is_denied_and_nothing_after_it(
    note: Make, chart_of: Make, text: str, absent: set[str]
) -> None:
    chart = chart_of(note("d1", text))
    assert {f.text for f in chart.facts if f.polarity is Polarity.ABSENT} == absent
    (shown,) = chart.of(Kind.NOTE)
    reading = Reading(shown.text)
    for word in ("cough", "rash"):
        if word in reading.lower and word.capitalize() not in absent:
            assert not reading.at(reading.lower.index(word)).is_denied


def test_what_is_copied_forward_is_told_once(note: Make, chart_of: Make) -> None:
    old = "Subjective: Severe headache since the morning."
    chart = chart_of(note("d1", old, 3), note("d2", f"{old} Now also photophobia.", 1))
    assert _notes(chart) == [
        "Progress note: [History of present illness] Severe headache since the morning.",
        "Progress note: [History of present illness] Now also photophobia.",
    ]


def test_a_note_that_says_nothing_new_is_recorded(note: Make, chart_of: Make) -> None:
    text = "Subjective: Severe headache since the morning."
    chart = chart_of(note("d1", text, 3), note("d2", text, 1))
    assert len(_notes(chart)) == 1
    reasons = {o.what: o.reason for o in chart.omissions}
    assert reasons["DocumentReference/d2"] == "nothing-new"


def test_the_excerpt_bears_on_the_complaint(
    note: Make, chart_of: Make, resource: Make, ago: Make
) -> None:
    filler = "\n".join(f"Remark number {n} about the garden and the weather." for n in range(40))
    text = f"{filler}\nThe dyspnea is worse when lying flat.\n{filler.replace('garden', 'house')}"
    encounter = resource(
        "Encounter",
        "e1",
        status="in-progress",
        period={"start": ago(0.2)},
        reasonCode=[{"text": "Dyspnea"}],
    )
    chart = chart_of(note("d1", text), encounter)
    assert "The dyspnea is worse when lying flat." in _notes(chart)[0]
    assert len(_notes(chart)[0]) <= 700
    assert {"DocumentReference/d1#text": "excerpt"}.items() <= {
        o.what: o.reason for o in chart.omissions
    }.items()


def test_notes_have_a_budget_and_the_newest_come_first(note: Make, chart_of: Make) -> None:
    many = [note(f"d{n:02}", f"Finding number {n} " + f"abc{n} " * 110, n) for n in range(30)]
    chart = chart_of(*many)
    assert sum(map(len, _notes(chart))) <= 4000
    assert "Finding number 0 " in " ".join(_notes(chart))
    reasons = {o.what: o.reason for o in chart.omissions}
    assert reasons["DocumentReference/d29"] == "older-note"
    assert {o.reason for o in chart.omissions} >= {"notes-budget", "older-note"}


def test_the_clinicians_assessment_can_be_left_out(
    note: Make, chart_of: Make, resource: Make
) -> None:
    impression = resource("ClinicalImpression", "c1", summary="Probably pneumonia")
    led = chart_of(note("d1", SOAP), impression)
    assert "Likely pneumonia" in " ".join(_notes(led))
    unled = chart_of(note("d1", SOAP), impression, assessments=False)
    assert "neumonia" not in " ".join(_notes(unled))
    reasons = {o.what: o.reason for o in unled.omissions}
    assert reasons["ClinicalImpression/c1"] == "assessment-left-out"
    assert reasons["DocumentReference/d1#assessment"] == "assessment-left-out"


RTF = r"{\rtf1\ansi Cough \b for \b0 two weeks.\par}"


@pytest.mark.parametrize(
    ("text", "media"),
    [
        ("Cough for two weeks.", "text/plain"),
        ("<html><body><p>Cough <b>for</b> two weeks.</p></body></html>", "text/html"),
        ("<p>Cough for two weeks.</p><script>alert(1)</script>", "text/html; charset=utf-8"),
        (RTF, "text/rtf"),
        (RTF, "application/rtf"),
    ],
)
def test_documents_of_several_types_are_read(
    note: Make, chart_of: Make, text: str, media: str
) -> None:
    assert _notes(chart_of(note("d1", text, media=media))) == [
        "Progress note: Cough for two weeks."
    ]


def _pdf(text: str) -> bytes:
    """The smallest PDF that shows one line."""
    stream = f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = b"%PDF-1.4\n"
    places = []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%sendobj\n" % (n, body)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n"
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start


def test_a_pdf_is_read(resource: Make, chart_of: Make, ago: Make) -> None:
    data = base64.b64encode(_pdf("Cough for two weeks.")).decode()
    attachment = {"contentType": "application/pdf", "data": data}
    document = resource(
        "DocumentReference", "d1", date=ago(1), content=[{"attachment": attachment}]
    )
    assert _notes(chart_of(document)) == ["Document: Cough for two weeks."]


@pytest.mark.parametrize(
    ("attachment", "reason"),
    [
        ({"contentType": "image/png", "data": "aGk="}, "signal-or-image"),
        ({"contentType": "application/dicom", "data": "aGk="}, "unsupported-attachment"),
        ({"contentType": "text/plain"}, "attachment-elsewhere"),
        ({"contentType": "text/plain", "url": "Binary/none"}, "attachment-elsewhere"),
        ({"contentType": "text/plain", "data": "not base64!"}, "attachment-broken"),
        ({"contentType": "application/pdf", "data": "aGVsbG8="}, "attachment-broken"),
        ({"contentType": "text/plain", "data": "ICAg"}, "attachment-empty"),
        ({}, "attachment-elsewhere"),
    ],
)
def test_attachments_without_text_have_a_reason(
    reasons: Make, resource: Make, attachment: dict[str, Any], reason: str
) -> None:
    document = resource("DocumentReference", "d1", content=[{"attachment": attachment}])
    assert reasons(document) == {"DocumentReference/d1": reason}


def test_a_binary_elsewhere_in_the_bundle_is_read(resource: Make, chart_of: Make) -> None:
    data = base64.b64encode(b"Cough for two weeks.").decode()
    binary = {"resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": data}
    attachment = {"contentType": "text/plain", "url": "/Binary/b1"}
    document = resource("DocumentReference", "d1", content=[{"attachment": attachment}])
    (fact,) = chart_of(binary, document).facts
    assert fact.sources == ("DocumentReference/d1", "Binary/b1")


IDENTIFYING = """Ms. Vandermeulen (MRN-0047110815), called mirabelle, of 17 Quarrystone Lane, 90412.
Reach her at 555-0199-4471, (617) 555-0142, +49 171 2345678 or m.v@example.org, https://x.example/y.
Born 1964-06-15. SSN 123-45-6789. Seen by Dr. Adelaide Quimby on 2024-06-01 and 06/02/2024.
Headache since June 3, 2024."""


def test_identifiers_are_masked_in_notes(note: Make, chart_of: Make) -> None:
    (text,) = _notes(chart_of(note("d1", IDENTIFYING)))
    for secret in (
        "andermeulen",
        "irabelle",
        "0047110815",
        "Quarrystone",
        "90412",
        "4471",
        "0142",
        "2345678",
        "example",
        "1964",
        "6789",
        "2024",
        "Quimby",
    ):
        assert secret not in text
    assert "Headache since [12 days ago]." in text
    assert "Seen by [clinician] on [14 days ago]" in text
