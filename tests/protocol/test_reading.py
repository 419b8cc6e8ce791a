"""Bytes to one JSON object: limits, and no trace of a value in what is raised."""

from __future__ import annotations

import contextlib
import sys
import traceback

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.protocol.json_body import BodyLimits, read_object
from cds_hooks.protocol.protocol_errors import (
    BodyTooDeep,
    BodyTooLarge,
    BodyTooManyParts,
    BodyUnreadable,
)


def deep(levels: int) -> bytes:
    """An object of so many levels, its own among them."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize("limit", [2, 10, 64, 500])
def test_the_depth_is_bounded_to_the_level(limit):
    assert read_object(deep(limit), BodyLimits(max_depth=limit))
    with pytest.raises(BodyTooDeep):
        read_object(deep(limit + 1), BodyLimits(max_depth=limit))


@pytest.mark.parametrize("levels", [1000, 1024, 1025, 10_000, 400_000])
def test_a_bomb_needs_no_recursion(levels):
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        with pytest.raises(BodyTooDeep):
            read_object(deep(levels))
    finally:
        sys.setrecursionlimit(before)


def test_brackets_inside_strings_do_not_nest():
    body = orjson.dumps({"a": "[" * 500 + '\\"{' * 500})
    assert read_object(body)["a"].startswith("[")


def test_bytes_and_parts_are_bounded():
    with pytest.raises(BodyTooLarge):
        read_object(b"{" + b" " * 20 + b"}", BodyLimits(max_bytes=21))
    with pytest.raises(BodyTooManyParts):
        read_object(b'{"a":[[],[],[]]}', BodyLimits(max_parts=4))
    assert read_object(b'{"a":[[],[],[]]}', BodyLimits(max_parts=5))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"a":"SENTINEL}', b'{"SENTINEL":1', b'"SENTINEL"', b"\xff{}"]
)
def test_what_is_raised_holds_nothing_of_the_body(body):
    with pytest.raises(BodyUnreadable) as caught:
        read_object(body)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    told = "".join(traceback.format_exception(error)) + error.diagnostics()
    assert "SENTINEL" not in told.replace(repr(body), "")


@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_a_refusal(body):
    with contextlib.suppress(BodyUnreadable, BodyTooDeep):
        assert isinstance(read_object(body), dict)


plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)


@given(st.dictionaries(st.text(max_size=5), st.recursive(plain, st.lists, max_leaves=20)))
def test_what_was_written_is_read(document):
    try:
        body = orjson.dumps(document)
    except orjson.JSONEncodeError:  # a lone surrogate cannot be sent
        return
    assert read_object(body) == document
