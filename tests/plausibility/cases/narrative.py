"""The note of a case: a document of plain text, or a section of a Composition."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from tests.plausibility.cases.statements import LOINC, PATIENT, Resource, at, concept

__all__ = ["note"]

TITLES = {
    "emergency": ("34111-5", "Emergency department note"),
    "ambulatory": ("34108-1", "Outpatient note"),
    "inpatient": ("11506-3", "Progress note"),
}
XHTML = "http://www.w3.org/1999/xhtml"


def note(text: str, encounter: str, way: int) -> Resource:
    """One in three is a Composition with the text as history of present illness."""
    title = concept(LOINC, *TITLES[encounter])
    return _composition(text, title) if way % 3 == 2 else _document(text, title)


def _document(text: str, title: Resource) -> Resource:
    data = b64encode(text.encode()).decode()
    content = {"contentType": "text/plain; charset=utf-8", "data": data}
    return {
        "resourceType": "DocumentReference", "status": "current", "type": title,
        "date": at("-20 min"), "content": [{"attachment": content}],
    }  # fmt: skip


def _composition(text: str, title: Resource) -> Resource:
    lines = "<br/>".join(escape(line) for line in text.splitlines())
    section = {
        "title": "History of present illness",
        "code": concept(LOINC, "10164-2", "History of present illness"),
        "text": {"status": "generated", "div": f'<div xmlns="{XHTML}"><p>{lines}</p></div>'},
    }
    return {
        "resourceType": "Composition", "status": "final", "type": title, "date": at("-20 min"),
        "title": title["text"], "author": [{"reference": "Practitioner/d1"}],
        "subject": {"reference": f"Patient/{PATIENT}"}, "section": [section],
    }  # fmt: skip
