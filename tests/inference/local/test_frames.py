"""Frames survive any cut, and nothing else than frames gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.local.frames import Decoder, FrameError, encode

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
_messages = st.lists(st.dictionaries(st.text(max_size=8), _json, max_size=5), max_size=6)


@given(messages=_messages, cuts=st.lists(st.integers(1, 40), max_size=200))
def test_messages_survive_any_cut(messages: list[dict[str, object]], cuts: list[int]) -> None:
    stream = b"".join(encode(message) for message in messages)
    decoder = Decoder()
    found: list[dict[str, object]] = []
    for size in [*cuts, len(stream)]:
        found += decoder.feed(stream[:size])
        stream = stream[size:]
    assert found == messages
    assert decoder.pending == 0


@given(data=st.binary(max_size=400))
def test_any_bytes_are_frames_or_a_frame_error(data: bytes) -> None:
    decoder = Decoder(limit=1000)
    try:
        messages = list(decoder.feed(data))
    except FrameError:
        return
    assert all(isinstance(message, dict) for message in messages)
    assert decoder.pending <= 1004


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\xff\xff\xff\xff", "longer"),
        (b"\x00\x00\x00\x03[1]", "object"),
        (b"\x00\x00\x00\x02{]", "JSON"),
        (b"\x00\x00\x00\x00", "JSON"),
    ],
)
def test_what_is_no_frame_is_named_without_its_bytes(data: bytes, fault: str) -> None:
    with pytest.raises(FrameError, match=fault):
        list(Decoder().feed(data))


def test_a_message_that_is_not_json_is_refused() -> None:
    with pytest.raises(FrameError, match="JSON"):
        encode({"key": object()})
