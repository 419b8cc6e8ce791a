"""FDA's four criteria for each service: from its definition, shown by tests that exist."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from cds_hooks.documents import Row, render
from cds_hooks.documents.basis import basis_document, basis_table, kind_of
from cds_hooks.services import REGISTRY, PrefetchTemplate, ServiceDefinition
from tests.docs.pages import ROOT
from tests.documents.installations import BARE, full

VIEW = "chartside-patient-view"


def rows(*services: ServiceDefinition) -> dict[str, Row]:
    of = replace(BARE, services=services or BARE.services)
    return {row.id: row for row in basis_document(of).rows}


def test_each_service_has_each_criterion_with_evidence() -> None:
    found = rows()
    assert len(found) == 4 * len(REGISTRY)
    assert [row.id for row in found.values() if not (row.available and row.evidence)] == []


def test_every_kind_of_service_is_spoken_of_under_every_criterion() -> None:
    for criterion in basis_table().criteria:
        kinds = {kind for each in criterion.statements for kind in each.kinds}
        assert kinds == {kind_of(each) for each in REGISTRY} == {"list", "start", "check"}


def test_every_test_and_page_that_is_named_exists() -> None:
    named = {e for c in basis_table().criteria for s in c.statements for e in s.evidence}
    assert len(named) > 15
    for each in named:
        path, _, test = each.partition("::")
        text = (ROOT / path).read_text("utf-8")
        assert not test or re.search(rf"^(async )?def {test}\b", text, re.MULTILINE), each


def test_what_a_service_asks_for_is_told_by_its_own_templates() -> None:
    [view] = [each for each in REGISTRY if each.id == VIEW]
    media = PrefetchTemplate("m", "Media?patient={{context.patientId}}", "images", "why")
    told = rows(replace(view, templates=(*view.templates, media)))[f"{VIEW}.criterion-1"].answer
    assert "Among these are types that hold images or signals: Media." in told
    assert "None of Media, ImagingStudy" in rows()[f"{VIEW}.criterion-1"].answer


def test_accuracy_is_the_admissions_or_unknown() -> None:
    assert "its accuracy is not known" in rows()[f"{VIEW}.criterion-4"].answer
    text = render(basis_document(full()), "markdown")
    assert "top5 0.83 (0.55 to 0.95), n = 12" in text
    assert "accuracy is not known" not in text


@pytest.mark.parametrize("format_", ["json", "markdown", "html"])
def test_it_never_calls_itself_compliant(format_: str) -> None:
    text = render(basis_document(full()), format_).lower()
    assert "compliant" not in text
    assert "judgement of law that this document does not make" in text
