"""A request saved as a test case: redacted, and readable wherever a captured request is."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from cds_hooks.cds_client.captured import captured_exchange
from cds_hooks.console.ehr_views import saved_case
from tests.redaction.charts import IDENTIFIERS, REQUEST

NOW = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)
SAVED = saved_case(REQUEST, now=NOW, service="chartside-patient-view")


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_no_identifier_is_in_it(identifier: str) -> None:
    assert identifier.casefold() not in SAVED.casefold()


def test_it_is_read_as_a_captured_request() -> None:
    exchange = captured_exchange(json.loads(SAVED), where="file")
    assert exchange is not None
    assert exchange.service == "chartside-patient-view"
    assert exchange.redacted
    assert exchange.when == datetime(2020, 1, 1, 7, 0, tzinfo=UTC)
    assert exchange.request["context"]["patientId"] == "patient-1"


def test_it_says_what_was_redacted_and_by_which_version() -> None:
    told = json.loads(SAVED)["redaction"]
    assert told["by"].startswith("chartside ")
    assert told["rules"]
    assert told["removed"]["access-token"] == 1
    assert told["kept"]


def test_the_same_request_gives_the_same_file() -> None:
    assert saved_case(REQUEST, now=NOW, service="chartside-patient-view") == SAVED
