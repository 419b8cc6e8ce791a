"""Records as the search's page has them, whatever stands in them."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from sqlalchemy import StaticPool, create_engine

from cds_hooks.audit import tables
from cds_hooks.audit.ledger.query import LedgerQuery
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.ledger.search import SearchStep, search_step
from cds_hooks.audit.ledger.source import store_source
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


def test_a_record_that_is_no_bytes_ends_no_search() -> None:
    """SQLite keeps text where bytes belong: it is left out, and verification tells of it."""
    store = sqlite3.connect(":memory:")
    engine = create_engine("sqlite://", creator=lambda: store, poolclass=StaticPool)
    with engine.begin() as connection:
        tables.ledger.create(connection)
        connection.exec_driver_sql(
            "INSERT INTO ledger VALUES (0, '', 'x', '{\"seq\":0}', x'', NULL)"
        )
        found = search_step(connection, LedgerQuery(), below=None, most=9, look_at=9)
        assert found == SearchStep((), 0)
        assert list(store_source(connection, "s").records()) == [b""]
