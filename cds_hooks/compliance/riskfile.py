"""`chartside export riskfile`: hazard, cause, control, test, in the shape of ISO 14971."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from cds_hooks.compliance.hazards import Hazard, characteristic_counts, hazard_table
from cds_hooks.compliance.threat_rows import threats
from cds_hooks.documents import Document, FilledBy, Row, Section, Source, Table

__all__ = ["riskfile_document"]

_ABOUT = (
    "Hazards of this service with cause, harm, control and the test that shows the control, as "
    "material for a risk management file. Clinical hazards are the developers' own list; no "
    "clinician has reviewed it. Security hazards are the rows of the threat model.",
    "It is no risk management file of a manufacturer: severity, probability, acceptability and the "
    "weighing of benefit are not estimated here. They depend on how and where the service is used.",
)
_SOURCES = (
    Source(
        "ISO 14971:2019",
        "its terms and order alone",
        "https://www.iso.org/standard/72704.html",
        "",
        "the standard itself was not opened",
    ),
    Source(
        "45 CFR 170.315",
        "(b)(11)(vi), the eight characteristics",
        "https://www.ecfr.gov/current/title-45/section-170.315",
        "2026-11-29",
    ),
)
_OF_THE_SITE = (
    ("R01", "Severity and probability of each hazard"),
    ("R02", "Which residual risks are acceptable, by which criteria"),
    ("R03", "Whether the benefit outweighs the residual risk"),
    ("R04", "How information from use is collected and reviewed"),
)
_KINDS = {
    "design": "by design",
    "protective": "protective measure",
    "information": "information for safety",
}


def riskfile_document(made_at: str, version: str, subject: str) -> Document:
    """The document; `subject` is the installation's public address, or empty."""
    return Document(
        name="riskfile",
        title="Hazards and controls",
        made_at=made_at,
        version=version,
        form="the order of ISO 14971: hazard, cause, harm, control, verification, residual risk",
        subject=subject,
        about=_ABOUT,
        sections=(_clinical(), *_security(), _characteristics(), _open()),
        sources=_SOURCES,
    )


def _clinical() -> Section:
    rows = tuple(map(_hazard, hazard_table().hazards))
    return Section("Clinical hazards", rows=rows)


def _hazard(hazard: Hazard) -> Row:
    controls = [f"Control ({_KINDS[each.kind]}): {each.text}" for each in hazard.controls]
    lines = [f"Cause: {hazard.cause}", f"Harm: {hazard.harm}", *controls]
    lines += [f"Remains: {hazard.remains}", f"Concerns: {', '.join(hazard.concerns)}"]
    return Row(hazard.id, hazard.hazard, "\n".join(lines), FilledBy.SERVICE, evidence=hazard.tests)


def _security() -> Iterator[Section]:
    ways = hazard_table().ways
    for way, rows in groupby(threats(), key=lambda each: each.way):
        cells = tuple((each.threat, each.control, ", ".join(each.tests)) for each in rows)
        told = Table(("Cause", "Control", "Tests"), cells)
        text = (f"Concerns: {', '.join(ways[way].concerns)}.",)
        yield Section(f"{way}: {ways[way].hazard}", text, tables=(told,))


def _characteristics() -> Section:
    counts = tuple((name, str(count)) for name, count in characteristic_counts().items())
    told = Table(("Characteristic", "Hazards that concern it"), counts)
    text = ("The eight characteristics of intervention risk management, 170.315(b)(11)(vi).",)
    return Section("By characteristic", text, tables=(told,))


def _open() -> Section:
    how = "In the site's or the manufacturer's own risk management file."
    rows = tuple(
        Row(id_, question, "", FilledBy.OPERATOR, to_fill=how) for id_, question in _OF_THE_SITE
    )
    return Section("What is not here", rows=rows)
