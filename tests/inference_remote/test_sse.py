"""Server-sent events, whatever bytes come and however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.inference.remote.sse import EventReader, EventTooLong

# Bytes in which line ends, colons and byte order marks are as common as they are troublesome.
RUBBISH = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"data", b"data:", b": ", b"\xef\xbb\xbf", b"id:", b"x"]
    )
    | st.binary(max_size=4)
).map(b"".join)
LINE_END = st.sampled_from([b"\n", b"\r\n", b"\r"])
TEXT = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20)


def read(pieces: list[bytes], longest: int = 1 << 20) -> list[bytes]:
    reader = EventReader(longest)
    return [event for piece in pieces for event in reader.feed(piece)]


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(whole)) for place in places})
    return [whole[a:b] for a, b in zip([0, *ends], [*ends, len(whole)], strict=True)]


@given(RUBBISH, st.lists(st.integers(0, 60)))
def test_where_the_bytes_are_cut_does_not_matter(whole: bytes, places: list[int]) -> None:
    assert read(cut(whole, places)) == read([whole])


@given(st.lists(st.tuples(st.lists(TEXT, min_size=1, max_size=3), LINE_END)), st.booleans())
def test_what_was_sent_is_what_is_read(events: list[tuple[list[str], bytes]], mark: bool) -> None:
    sent = b"\xef\xbb\xbf" if mark else b""
    for lines, end in events:
        sent += b": comment" + end + b"event: message" + end
        sent += b"".join(b"data: " + line.encode() + end for line in lines) + end
    assert read([sent]) == ["\n".join(lines).encode() for lines, _ in events]


@given(RUBBISH, st.integers(1, 40), st.lists(st.integers(0, 60)))
def test_no_more_than_the_bound_is_held(whole: bytes, longest: int, places: list[int]) -> None:
    reader = EventReader(longest)
    try:
        for piece in cut(whole, places):
            for event in reader.feed(piece):
                assert len(event) <= longest
    except EventTooLong:
        assert len(whole) > longest


@pytest.mark.parametrize(
    ("sent", "events"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\r\rdata:b\r\r", [b"a", b"b"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data\n\n", [b""]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: cut off", []),
        (b"data: cut off\n", []),
        (b"datum: a\nid: 3\nretry: 9\n\n", []),
        (b":\n\n: ping\n\ndata: a\n\n", [b"a"]),
        (b"\n\n\n", []),
        (b"", []),
    ],
)
def test_the_cases_of_the_standard(sent: bytes, events: list[bytes]) -> None:
    assert read([sent]) == events


def test_an_event_without_end_is_refused() -> None:
    with pytest.raises(EventTooLong):
        read([b"data: ", *[b"x" * 100] * 20], 1000)
    with pytest.raises(EventTooLong):
        read([b"data\n"] * 400, 1000)
    assert read([b": ping\n\n"] * 400, 1000) == []
