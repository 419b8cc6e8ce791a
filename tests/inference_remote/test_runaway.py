"""When a text is said to run on: bounds below, on and above, and no false alarm."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.inference.answer_parser import CLAIMS, Limits
from cds_hooks.inference.remote.choice import ExpectedAnswer, StreamedSample
from cds_hooks.inference.remote.misbehaviour import misbehaviours
from cds_hooks.inference.remote.runaway_text import TextWatch
from cds_hooks.inference.remote.server_faults import FaultCode

BOUNDS = misbehaviours().bounds
WHITE = list(" \n\t\r\u00a0\u2003")
SIZES = [1, 3, 7, 128, 1000]


def found(text: str, size: int = 4) -> FaultCode | None:
    """What a text is found to be that comes in pieces of a size."""
    watch = TextWatch(BOUNDS)
    pieces = [text[n : n + size] for n in range(0, len(text), size)]
    return next(filter(None, map(watch.feed, pieces)), None)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("white", "fault"), [(255, None), (256, None), (257, FaultCode.WHITE_SPACE)]
)
def test_white_space_in_a_row(white: int, fault: FaultCode | None, size: int) -> None:
    mixed = "".join(random.Random(white).choices(WHITE, k=white))
    assert found("{" + mixed + '"', size) is fault
    assert found("{" + mixed, size) is fault


def test_white_space_is_counted_in_a_row_only() -> None:
    assert found(('{"finding":' + " " * 256) * 2) is None
    assert found("a" + " " * 200 + "b" + " " * 200) is None


@pytest.mark.parametrize("size", [1, 3, 7, 128])
@pytest.mark.parametrize("unit", ["a", "ab", "ness", "a and b; ", "0123456789" * 10])
@pytest.mark.parametrize(("run", "fault"), [(1023, None), (1024, None), (1025, FaultCode.REPEATS)])
def test_a_text_that_repeats_itself(
    unit: str, run: int, fault: FaultCode | None, size: int
) -> None:
    dense = "".join(unit.split())
    assert found("".join((dense * run)[:run]), size) is fault


@pytest.mark.parametrize(("run", "fault"), [(2047, None), (2048, None), (2049, FaultCode.REPEATS)])
def test_the_longest_unit_must_come_more_than_four_times(run: int, fault: FaultCode | None) -> None:
    unit = distinct(512)
    assert found((unit * 5)[:run], 1) is fault


@pytest.mark.parametrize(("length", "fault"), [(512, FaultCode.REPEATS), (513, None)])
def test_the_longest_unit_that_is_looked_for(length: int, fault: FaultCode | None) -> None:
    assert found(distinct(length) * 8) is fault


def distinct(length: int) -> str:
    """A text in which no part is repeated."""
    return "".join(chr(0x4E00 + n) for n in range(length))


@pytest.mark.parametrize("layout", ["{}", "{}\n", "  {},\n\n", "{} "])
def test_white_space_within_does_not_hide_a_repetition(layout: str) -> None:
    rng = random.Random(1)
    blanks = (" " * rng.randint(0, 5) for _ in range(60))
    lines = (layout.format(f'{{"fact":"L1",{blank}"is":"high"}}') for blank in blanks)
    assert found("".join(lines)) is FaultCode.REPEATS


def test_a_repetition_with_repetitions_within_is_found() -> None:
    unit = "a" * 90 + "b" * 90 + "c" * 20
    assert found(unit * 12, 1) is FaultCode.REPEATS


@settings(max_examples=40, deadline=None)
@given(st.text("ab", min_size=1, max_size=512), st.integers(1, 9))
def test_whatever_is_repeated_for_long_is_found(unit: str, size: int) -> None:
    assert found(unit * (4096 // len(unit) + 1), size) is FaultCode.REPEATS


FACTS = [f"{kind}{n}" for kind in "LSMPV" for n in range(1, 30)]
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=200)
CITED = st.fixed_dictionaries(
    {"fact": st.sampled_from(FACTS), "is": st.sampled_from(sorted(CLAIMS))}
)
LISTS = st.lists(CITED, max_size=6) | CITED.map(lambda cited: [cited] * Limits().evidence)
DIAGNOSES = st.lists(
    st.fixed_dictionaries(
        {
            "name": WORDS,
            "group": st.sampled_from(["likely", "must-not-miss"]),
            "for": LISTS,
            "against": LISTS,
            "discriminator": WORDS,
        }
    ),
    max_size=5,
    unique_by=lambda diagnosis: diagnosis["name"],
)


@settings(max_examples=60, deadline=None)
@given(DIAGNOSES, st.sampled_from([None, 0, 2, 4, 8, "\t"]), st.integers(1, 200))
def test_no_answer_that_is_allowed_is_taken_for_a_runaway(
    diagnoses: list[Any], indent: Any, size: int
) -> None:
    text = json.dumps({"diagnoses": diagnoses}, indent=indent, ensure_ascii=False)
    choice = StreamedSample(ExpectedAnswer(is_object=True))
    for start in range(0, len(text), size):
        assert choice.take(text[start : start + size], "") is None
    choice.close("stop")
    assert choice.finish == "stop"


@settings(max_examples=40, deadline=None)
@given(st.lists(WORDS.filter(str.strip), min_size=1, max_size=30, unique=True))
def test_a_thought_within_its_budget_is_no_runaway(thought: list[str]) -> None:
    choice = StreamedSample(ExpectedAnswer(is_object=True, thought_tokens=30))
    for piece in thought:
        assert choice.take("", piece) is None
    assert choice.take('{"finding":"high"}', "") is None
    choice.close("stop")
    assert choice.finish == "stop"


LONG = FaultCode.THOUGHT_UNENDING


@pytest.mark.parametrize(("pieces", "fault"), [(99, None), (100, None), (101, LONG)])
def test_a_thought_is_bounded_by_its_pieces(pieces: int, fault: FaultCode | None) -> None:
    choice = StreamedSample(ExpectedAnswer(thought_tokens=100))
    assert last(choice, [f"{n} " for n in range(pieces)]) is fault


@pytest.mark.parametrize(("size", "fault"), [(15, None), (16, None), (17, LONG)])
def test_and_by_characters_where_a_piece_is_many_tokens(size: int, fault: FaultCode | None) -> None:
    choice = StreamedSample(ExpectedAnswer(thought_tokens=50))
    assert last(choice, [distinct(50 * size)]) is fault


def last(choice: StreamedSample, thought: list[str]) -> FaultCode | None:
    """What is found with the last piece of a thought; nothing before."""
    *before, end = thought
    assert [fault for piece in before if (fault := choice.take("", piece))] == []
    return choice.take("", end)


def test_a_thought_is_not_counted_once_the_answer_has_begun() -> None:
    choice = StreamedSample(ExpectedAnswer(is_object=True, thought_tokens=1))
    choice.take("{", "so")
    assert last(choice, [f"{n} " for n in range(9)]) is None


BEGINNINGS = [
    ("{", None),
    (" \n{ \n", None),
    ('{"', None),
    ("{}", None),
    ("{1", None),  # no object either, but for the check of the whole answer
    ("{{", FaultCode.DOUBLED_BRACE),
    ("{\n  {", FaultCode.DOUBLED_BRACE),
    ("<", FaultCode.THOUGHT_IN_ANSWER),
    ("T", FaultCode.UNCONSTRAINED),
    ("[", FaultCode.UNCONSTRAINED),
    ("`", FaultCode.UNCONSTRAINED),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), BEGINNINGS)
@pytest.mark.parametrize("size", [1, 100])
def test_how_an_object_begins(text: str, fault: FaultCode | None, size: int) -> None:
    choice = StreamedSample(ExpectedAnswer(is_object=True))
    pieces = [text[n : n + size] for n in range(0, len(text), size)]
    assert next(filter(None, (choice.take(piece, "") for piece in pieces)), None) is fault
    anything = StreamedSample(ExpectedAnswer())
    assert anything.take(text, "") is None
