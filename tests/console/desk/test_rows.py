"""Records as the search's page has them, whatever stands in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_hooks.audit.ledger.record import Record
from cds_hooks.console.desk.downloads import _cell
from cds_hooks.console.desk.searching import rows_of


def _record(**fields: Any) -> Record:
    return Record(1, "", fields, b"")


def test_what_another_reviewer_said_is_left_out() -> None:
    details = {"review": "r", "kind": "clinician", "said": "disagree", "entries_agreed": 1}
    [row] = rows_of((_record(type="review-answered", details=details),))
    assert json.loads(row.fields)["details"] == {"review": "r", "kind": "clinician"}


@pytest.mark.parametrize("recorded", ["0001-01-01T00:00:00+14:00", "yesterday", ""])
def test_a_time_that_is_none_stands_as_it_is(recorded: str) -> None:
    [row] = rows_of((_record(type="x", recorded=recorded),))
    assert (row.utc, row.local) == (recorded, "")


@pytest.mark.parametrize("text", ["=1+1", "\n=1+1", " =1+1", "\uff1d1+1", "@x", "-1", "\t+1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert _cell(text).startswith("'")
