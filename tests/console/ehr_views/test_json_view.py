"""JSON as lines that findings can point at."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.console.ehr_views import json_id, json_lines, with_steady_ids
from tests.console.ehr_views.responses import made

documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_the_lines_are_the_document_and_their_ids_are_unique(document: Any) -> None:
    lines = json_lines(document, name="x")
    assert json.loads("\n".join(line.text for line in lines)) == document
    ids = [line.id for line in lines]
    assert len(set(ids)) == len(ids)
    assert all(ids)


def test_a_finding_points_at_its_line() -> None:
    by_id = {line.id: line for line in json_lines(made(), name="response")}
    line = by_id[json_id("response", "cards[0].source.label")]
    assert line.text.startswith('"label": "Chartside')
    assert line.indent == 4


def test_random_ids_are_told_by_place_and_nothing_else_changes() -> None:
    document = made()
    steady = with_steady_ids(document)
    card = steady["cards"][0]
    assert (card["uuid"], card["suggestions"][1]["uuid"]) == ("card-1", "suggestion-1-2")
    assert document["cards"][0]["uuid"] != "card-1"
    assert card["detail"] == document["cards"][0]["detail"]
    assert with_steady_ids(steady) == steady
