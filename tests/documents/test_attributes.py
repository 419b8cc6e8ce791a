"""DSI and CHAI: each attribute is filled from real facts, or says who must fill it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from xml.etree import ElementTree

import pytest
import xmlschema
from markdown_it import MarkdownIt

from cds_hooks.documents import Document, FilledBy, Row, render
from cds_hooks.documents.attributes import table_of
from cds_hooks.documents.chai import NAMESPACE, chai_document, chai_xml
from cds_hooks.documents.dsi import dsi_document
from cds_hooks.documents.installation import Installation
from cds_hooks.documents.operator_answers import questions
from tests.docs.pages import ROOT
from tests.documents.installations import BARE, RUN, full, hostile

Maker = Callable[[Installation], Document]
MAKERS = pytest.mark.parametrize("make", [dsi_document, chai_document])
XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" '
    f'targetNamespace="{XMLDSIG}"><xs:element name="Signature"/></xs:schema>'
)


def rows(document: Document) -> dict[str, Row]:
    return {row.id: row for row in document.rows}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> xmlschema.XMLSchema:
    """CHAI's own schema; the W3C's, of which it takes a signature that we never write, is away."""
    imported = tmp_path_factory.mktemp("xsd") / "xmldsig.xsd"
    imported.write_text(SIGNATURE)
    text = files("cds_hooks.documents").joinpath("data/chai-model-card-v0.2.xsd").read_text("utf-8")
    return xmlschema.XMLSchema(text, locations={XMLDSIG: str(imported)}, allow="local")


def test_there_are_31_source_attributes_each_with_a_clause_of_its_own() -> None:
    found = table_of("dsi").attributes
    assert len(found) == len({each.id for each in found}) == len({e.clause for e in found}) == 31


def test_services_by_rules_alone_have_13_attributes_of_their_own() -> None:
    found = table_of("evidence_based").attributes
    assert len({each.clause for each in found}) == 13
    told = rows(dsi_document(BARE))
    assert "Patient.gender" in told["rules.sex"].answer
    assert told["rules.race"].answer.endswith("An Observation of it (LOINC 32624-9) is left out.")
    assert "Observations of category social-history are not asked" in (
        told["rules.gender_identity"].answer
    )
    without = replace(BARE, services=tuple(s for s in BARE.services if not s.checks_new_problems))
    assert not [id_ for id_ in rows(dsi_document(without)) if id_.startswith("rules.")]


@MAKERS
def test_what_nobody_filled_says_who_must_fill_it(make: Maker) -> None:
    document = make(BARE)
    lacking = [row for row in document.rows if not row.available]
    assert lacking
    for row in lacking:
        assert row.told.startswith(f"not available; to be filled by {row.filled_by.who}.")
        assert row.to_fill or row.filled_by is FilledBy.EVALUATION
    told = json.loads(render(document, "json"))
    assert {r["answer"] for s in told["sections"] for r in s["rows"] if not r["available"]} == {
        "not available"
    }


@MAKERS
def test_an_installation_that_says_everything_leaves_nothing_open(make: Maker) -> None:
    assert [row.id for row in make(full()).rows if not row.available] == []


def test_an_answer_says_who_filled_it() -> None:
    found = rows(dsi_document(full()))
    assert found["details.funding"].filled_by is FilledBy.OPERATOR
    assert found["details.output_value"].filled_by is FilledBy.SERVICE
    assert found["perf.external_validity"].filled_by is FilledBy.EVALUATION
    assert found["caution.risks"].told_by == "operator, service"
    assert found["details.developer"].told_by == "operator, model"


def test_of_two_answers_that_are_needed_one_alone_is_not_enough() -> None:
    of = full()
    only = replace(of, operator=replace(of.operator, by_key={"developer.name": "A Hospital"}))
    row = rows(dsi_document(only))["details.developer"]
    assert not row.available
    assert "developer.contact" in row.told
    assert "A Hospital" in row.known


def test_figures_come_from_runs_of_the_very_model_alone() -> None:
    row = rows(dsi_document(full()))["perf.external_validity"]
    assert (
        "Structured examinations (open-ended, free text, 1 sample, 107 cases): "
        "right first: 14.0 % (8.7 to 21.8, n = 107)" in row.answer
    )
    assert "top5 0.83 (0.55 to 0.95), n = 12" in row.answer
    assert "As configured here." in row.answer
    assert "Other" not in row.answer
    nobody = replace(full(), admission=None, model=replace(full().model, sha256=""))
    assert not rows(dsi_document(nobody))["perf.external_validity"].available


def test_a_run_of_another_configuration_is_called_that() -> None:
    other = replace(RUN, names=True, samples=3, template_sha256="00" * 32)
    answer = rows(dsi_document(replace(full(), runs=(other,))))["perf.external_validity"].answer
    assert "along the terminology's names, 3 samples, 107 cases" in answer
    told = "another template, 3 samples instead of 1, diagnoses along the terminology's names"
    assert f"Not as this installation asks: {told}." in answer


def test_counts_that_are_hidden_are_not_told() -> None:
    row = rows(dsi_document(full()))["maint.local_fairness"]
    assert "sex female, flagged: 20.0 %" in row.answer
    assert "65 to 79" not in row.answer


def test_an_adapted_model_is_not_called_untouched() -> None:
    assert "used as it is" in rows(dsi_document(BARE))["fairness.bias"].answer
    adapted = replace(BARE, model=replace(BARE.model, adapters=("site.gguf",)))
    answer = rows(dsi_document(adapted))["fairness.bias"].answer
    assert "LoRA adapters are applied to the model: site.gguf." in answer
    assert "used as it is" not in answer


def test_a_demonstration_model_is_called_that_in_every_form() -> None:
    demonstration = replace(BARE, model=replace(BARE.model, demonstration=True))
    for make in (dsi_document, chai_document):
        assert "nothing on its cards is fit for care" in render(make(demonstration), "markdown")
    assert "nothing on its cards is fit for care" in chai_xml(demonstration)


def test_every_question_of_the_site_is_used_by_a_document() -> None:
    tables = [table_of(name) for name in ("dsi", "evidence_based", "chai", "playbook")]
    used = {key for table in tables for each in table.attributes for key in each.operator}
    assert used == set(questions())


def test_every_file_that_is_named_as_evidence_exists() -> None:
    named = [
        each for name in ("dsi", "chai") for a in table_of(name).attributes for each in a.evidence
    ]
    paths = [each.partition(",")[0] for each in named if "/" in each]
    assert len(paths) >= 8
    assert [path for path in paths if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("of", [BARE, full(), hostile()], ids=["bare", "full", "hostile"])
def test_the_card_is_valid_by_chais_own_schema(
    of: Installation, schema: xmlschema.XMLSchema
) -> None:
    text = chai_xml(of)
    schema.validate(text)
    root = ElementTree.fromstring(text)
    for element in root.iter():
        assert len(element) or (element.text or "").strip(), element.tag
    assert root.findall(f".//{{{NAMESPACE}}}script") == []


def test_the_schema_check_can_fail(schema: xmlschema.XMLSchema) -> None:
    without = chai_xml(BARE).replace("<ReleaseDate>", "<Date>").replace("</ReleaseDate>", "</Date>")
    assert not schema.is_valid(without)


def test_results_are_one_element_a_figure() -> None:
    root = ElementTree.fromstring(chai_xml(full()))
    place = (
        "{{{0}}}KeyMetrics/{{{0}}}UsefulnessUsabilityEfficacy/{{{0}}}Results/{{{0}}}MetricResult"
    )
    found = root.findall(place.format(NAMESPACE))
    values = [json.loads(each[1].text or "") for each in found]
    assert values[0] == {"kind": "single", "value": 14.0, "unit": "%"}
    assert len(found) == len(RUN.figures) + 1


@MAKERS
def test_hostile_words_become_no_markup(make: Maker) -> None:
    document = make(hostile())
    pages = [
        render(document, "html"),
        MarkdownIt("gfm-like", {"linkify": False}).render(render(document, "markdown")),
    ]
    for page in pages:
        tags, links = _parsed(page)
        assert not tags & {"script", "img", "iframe", "svg", "em", "strong"}
        assert all(link.startswith("https://") for link in links)
        assert not any(link.startswith("https://h.example") for link in links)
        assert not set(page) & {"\u202e", "\x00", "\x0b"}


def _parsed(page: str) -> tuple[set[str], list[str]]:
    tags: set[str] = set()
    links: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)
            links.extend(value or "" for name, value in attrs if name in ("href", "src"))

    Parser().feed(page)
    return tags, links
