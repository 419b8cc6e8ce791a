"""A row of feedback: what stands in each column, and that a spreadsheet runs none of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_hooks.audit.feedback_export import StoredFeedback
from cds_hooks.documents.feedback_rows import COLUMNS, csv_cells, feedback_row
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement

ENTRY = FeedbackEntry(
    "c", "judged", user_comment="words", judgements=(Judgement(2, "wrong", "known"),)
)
STORED = StoredFeedback(
    service="chartside-patient-view",
    card="c",
    consultation="id",
    outcome="judged",
    outcome_at="",
    received=1_790_000_000.0,
    entry=ENTRY,
    problem="",
    said={"user_ref": "reader"},
    shown={"user_ref": "clinician", "client_iss": "https://ehr.example", "tenant": "t"},
)


def test_who_said_it_goes_before_who_was_shown_it() -> None:
    row = feedback_row(STORED)
    assert (row["user"], row["user_is"]) == ("reader", "gave the feedback")
    row = feedback_row(replace(STORED, said={}))
    assert (row["user"], row["user_is"]) == ("clinician", "was shown the card")
    row = feedback_row(replace(STORED, said={}, shown={}))
    assert (row["user"], row["location"]) == ("not available", "not available")


def test_a_row_has_what_was_said_where_and_when() -> None:
    row = feedback_row(STORED)
    assert row["user_feedback"] == "diagnosis 2: wrong (known); words"
    assert row["location"] == "https://ehr.example t"
    assert row["date"] == row["received"] == "2026-09-21T14:13:20+00:00"
    assert set(row) == set(COLUMNS)


def test_what_was_erased_keeps_its_outcome_alone() -> None:
    row = feedback_row(replace(STORED, entry=None, problem="erased"))
    assert (row["action_taken"], row["user_feedback"]) == ("judged", "(erased)")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", " =", "\u200b="])
def test_no_cell_is_a_formula(begin: str) -> None:
    stored = replace(STORED, entry=FeedbackEntry("c", "accepted", user_comment=f"{begin}1+1\n=2"))
    cells = csv_cells(feedback_row(stored))
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert not any("\n" in cell for cell in cells)
