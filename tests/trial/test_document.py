"""A report as a file, and its digest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.trial.report import ReportSettings, report
from cds_hooks.trial.report.document import digest_of, document_of, read_document, written
from cds_hooks.trial.report.key_figures import read_key_figures
from cds_hooks.trial.trial_errors import ReportUnusable
from tests.trial.trial_cases import drawn

MADE = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    told = report(drawn(80, 0.5, rng), ReportSettings(resamples=50), rng)
    return document_of(told, made=MADE, program="0.1.0", planned={"width": 0.05, "cases": 402})


def test_a_report_is_read_back_with_its_digest(document: dict[str, Any]) -> None:
    found, digest = read_document(written(document), where="report.json")
    assert found == document
    assert digest == digest_of(document)
    assert found["planned"]["cases"] == 402


def test_the_digest_does_not_depend_on_how_the_file_is_laid_out(document: dict[str, Any]) -> None:
    whole = orjson.loads(written(document))
    turned = orjson.dumps({"trial": whole["trial"], "sha256": whole["sha256"]})
    assert read_document(turned, where="report.json")[1] == digest_of(document)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"trial": {}}', b'{"trial": [], "sha256": ""}', b'{"sha256": 1, "trial": null}'],
)
def test_what_is_no_report_is_refused(content: bytes) -> None:
    with pytest.raises(ReportUnusable, match="not the JSON file") as told:
        read_document(content, where="report.json")
    assert told.value.where == "report.json"


def test_an_altered_figure_is_found(document: dict[str, Any]) -> None:
    whole = orjson.loads(written(document))
    whole["trial"]["key_figures"][0]["share"] += 0.1
    with pytest.raises(ReportUnusable, match="altered"):
        read_document(orjson.dumps(whole), where="report.json")


def test_another_release_is_told(document: dict[str, Any]) -> None:
    with pytest.raises(ReportUnusable, match="another release"):
        read_document(written({**document, "version": "2"}), where="report.json")


def test_key_figures_are_told_with_n_and_interval(document: dict[str, Any]) -> None:
    figures = {each.name: each for each in read_key_figures(document)}
    assert figures["top1"].n == 80
    assert figures["top1"].low < figures["top1"].share < figures["top1"].high
    assert "rules-right" not in figures  # no rule fired


def test_no_figure_is_written_that_json_cannot_hold(document: dict[str, Any]) -> None:
    assert document["report"]["seconds"]["median"]["value"] is None
    assert document["report"]["rules"]["right"]["n"] == 0


@given(st.binary(max_size=200))
def test_any_bytes_are_a_report_or_refused(content: bytes) -> None:
    with pytest.raises(ReportUnusable):
        read_document(content, where="report.json")


@given(st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_any_document_with_its_own_digest_is_refused_where_a_figure_is_missing(value: Any) -> None:
    made = {"version": "1", "planned": None, "report": value, "key_figures": value}
    try:
        content = written(made)
    except rfc8785.CanonicalizationError:
        return
    with pytest.raises(ReportUnusable):
        read_document(content, where="report.json")


def test_a_share_above_one_is_refused_although_its_digest_is_right(
    document: dict[str, Any],
) -> None:
    (first, *rest) = document["key_figures"]
    forged = {**document, "key_figures": [{**first, "share": 1.5}, *rest]}
    with pytest.raises(ReportUnusable, match="missing or none") as told:
        read_document(written(forged), where="report.json")
    assert "key_figures.0.share" in told.value.where
