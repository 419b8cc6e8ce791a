"""Feedback entries: whatever comes, what is usable is kept and nothing is repeated back."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.protocol.cards import Coding
from cds_hooks.protocol.feedback import parse_feedback
from cds_hooks.protocol.protocol_errors import FeedbackInvalid

GOOD = {"card": "c1", "outcome": "overridden", "outcomeTimestamp": "2026-01-30T12:00:00Z"}


def parse(*entries):
    return parse_feedback(orjson.dumps({"feedback": entries}))


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-30T12:00:00Z",
        "2026-01-30t12:00:00.1234567z",
        "2026-01-30T12:00:00+05:30",
        "2026-01-30 12:00:00-0800",
    ],
)
def test_times_are_kept_as_sent(time):
    found = parse({**GOOD, "outcomeTimestamp": time})
    assert found.entries[0].outcome_at == time
    assert not found.problems


@pytest.mark.parametrize(
    "time", ["2026-02-30T12:00:00Z", "2026-01-30", 1769774400, None, "SENTINEL"]
)
def test_an_entry_without_a_readable_time_is_kept(time):
    found = parse({**GOOD, "outcomeTimestamp": time})
    assert found.entries[0].outcome_at == ""
    assert [problem.path for problem in found.problems] == ["feedback[0].outcomeTimestamp"]


@pytest.mark.parametrize(
    ("reason", "coding", "comment"),
    [
        ({"reason": {"code": "a", "system": "s"}}, Coding("a", "s"), ""),
        ({"reason": {"code": "a", "system": "s", "display": "d"}}, Coding("a", "s", "d"), ""),
        ({"reason": {"display": "d"}}, Coding("", "", "d"), ""),
        ({"userComment": "why"}, None, "why"),
        ({"reason": "a", "userComment": 5}, None, ""),
        ({"reason": {"code": 5}}, None, ""),
        ({}, None, ""),
    ],
)
def test_override_reasons(reason, coding, comment):
    entry = parse({**GOOD, "overrideReason": reason}).entries[0]
    assert (entry.override_reason, entry.user_comment) == (coding, comment)


def test_of_several_reasons_the_first_is_kept_and_the_rest_told_of():
    first, second = ({"reason": {"code": code, "system": "s"}} for code in "ab")
    found = parse({**GOOD, "overrideReason": first, "overrideReasons": [second]})
    assert found.entries[0].override_reason.code == "a"
    assert [problem.path for problem in found.problems] == ["feedback[0].overrideReasons"]


def test_suggestions_without_an_id_are_told_of():
    accepted = {**GOOD, "outcome": "accepted", "acceptedSuggestions": [{"id": "s1"}, {}, "x"]}
    found = parse(accepted)
    assert found.entries[0].accepted_suggestions == ("s1",)
    assert [problem.path for problem in found.problems] == [
        "feedback[0].acceptedSuggestions[1].id",
        "feedback[0].acceptedSuggestions[2].id",
    ]


def test_a_comment_is_not_in_the_repr():
    entry = parse({**GOOD, "overrideReason": {"userComment": "SENTINEL"}}).entries[0]
    assert entry.user_comment == "SENTINEL"
    assert "SENTINEL" not in repr(entry)


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.just("SENTINEL") | st.just(""),
    lambda v: (
        st.lists(v, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "reason", "code", "userComment"]), v)
    ),
    max_leaves=6,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "card": st.just("c1") | values,
        "outcome": st.sampled_from(["accepted", "overridden"]) | values,
        "acceptedSuggestions": values,
        "overrideReason": values,
        "overrideReasons": values,
        "outcomeTimestamp": values,
    },
)


@given(st.lists(entries | values, max_size=5))
def test_good_entries_are_never_lost_among_others(others):
    try:
        alone = parse(*others)
        kept, told = alone.entries, alone.problems
    except FeedbackInvalid as refusal:
        kept, told = (), refusal.problems
    found = parse(*others, GOOD)
    assert found.entries[:-1] == kept
    assert found.entries[-1].card == "c1"
    assert "SENTINEL" not in str(told)
