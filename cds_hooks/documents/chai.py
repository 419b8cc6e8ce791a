"""CHAI's Applied Model Card: as a document, and as XML by its schema of version 0.2."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import orjson

from cds_hooks.documents.attributes import rows_of, sections_of, table_of
from cds_hooks.documents.derivations import DERIVATIONS
from cds_hooks.documents.document import Document, Row
from cds_hooks.documents.dsi import identity_section
from cds_hooks.documents.installation import EvaluatedRun, Figure, Installation
from cds_hooks.documents.markdown import escape
from prompts import visible

__all__ = ["NAMESPACE", "chai_document", "chai_xml"]

NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"

_FAIRNESS = "FairnessEquity"
_RESULT = "MetricResult"
_REPEATED = frozenset({"EHR", "Keyword"})
_BIBTEX = "Bibliography"
_ABOUT = (
    "CHAI's Applied Model Card of this installation as it is configured now; `--format xml` is the "
    "same in the schema of CHAI. Questions are in Chartside's words; each names its element.",
    "Behind the card: the eight elements of CHAI's governance playbooks, with what this "
    "installation can show under each. Names of the elements are as the press reported them.",
    "This document states facts. It is no certification, and nobody outside has reviewed it.",
)


def chai_document(of: Installation, *, playbook: bool = True) -> Document:
    """The card; with the mapping to the eight elements of the playbooks, which XML has no place
    for."""
    tables = [table_of("chai"), *([table_of("playbook")] if playbook else [])]
    return Document(
        name="chai",
        title="CHAI Applied Model Card",
        made_at=of.made_at,
        version=of.version,
        form="CHAI Applied Model Card v0.2",
        subject=of.subject,
        about=_ABOUT,
        sections=(
            identity_section(of),
            *(section for each in tables for section in sections_of(each, of, DERIVATIONS)),
        ),
        sources=tuple(each.whole_source for each in tables),
    )


def chai_xml(of: Installation) -> str:
    """The card as XML. Fields are Markdown, as the schema's documentation has them: what stands in
    an answer is escaped for both."""
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.Element(f"{{{NAMESPACE}}}AppliedModelCard")
    root.append(ElementTree.Comment(f" Chartside {of.version}, {of.made_at} "))
    for row in rows_of(table_of("chai"), of, DERIVATIONS):
        _add(root, row, of)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add(root: ElementTree.Element, row: Row, of: Installation) -> None:
    *parents, name = row.id.split("/")
    parent = root
    for each in parents:
        parent = _child(parent, each)
    if name == _RESULT:
        for label, value in _results(row, of):
            result = _new(parent, name, None)
            _new(result, "Label", _text(label))
            _new(result, "ValueJson", value)
    elif name in _REPEATED and row.available:
        for line in row.answer.splitlines():
            _new(parent, name, _text(line))
    else:
        _new(parent, name, _bibtex(row) if name == _BIBTEX else _text(row.told))


def _child(parent: ElementTree.Element, name: str) -> ElementTree.Element:
    """The element of this name, made where it is not there yet."""
    found = parent.find(f"{{{NAMESPACE}}}{name}")
    return found if found is not None else _new(parent, name, None)


def _new(parent: ElementTree.Element, name: str, text: str | None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    element.text = text
    return element


def _text(told: str) -> str:
    return "\n\n".join(escape(line) for line in told.splitlines() if line.strip())


def _bibtex(row: Row) -> str:
    """BibTeX is no Markdown; where there is none, a comment says so."""
    lines = [visible(line) for line in row.answer.splitlines()]
    return "\n".join(lines) if row.available else f"% {visible(row.told)}"


def _results(row: Row, of: Installation) -> Iterator[tuple[str, str]]:
    """A label and a JSON value for each figure; the schema wants one result at least."""
    for run in of.own_runs:
        how = "; ".join((run.suite, *of.differences(run)))
        for figure in _part(row, run):
            if figure.share is not None:
                yield f"{how}: {figure.text}", _value(figure)
    if of.admission and _FAIRNESS not in row.id:
        for name, reached in of.admission.figures.items():
            told = {"kind": "single", "value": reached.value}
            yield f"Admission record, {name}: {reached.text}", orjson.dumps(told).decode()
    if not row.available:
        yield row.told, "null"


def _part(row: Row, run: EvaluatedRun) -> tuple[Figure, ...]:
    parts = {
        "UsefulnessUsabilityEfficacy": run.figures,
        _FAIRNESS: run.groups,
        "SafetyReliability": run.safety,
    }
    return parts[row.id.split("/")[1]]


def _value(figure: Figure) -> str:
    share = figure.share or 0.0
    told = {"kind": "single", "value": round(100 * share, 1), "unit": "%"}
    return orjson.dumps(told).decode()
