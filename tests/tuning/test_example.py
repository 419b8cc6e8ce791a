"""The documented form of a training example: what is read, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.trained_cases import fitted_cases
from cds_hooks.tuning.example import MarkedTokens, read_examples, read_marked, write_examples
from cds_hooks.tuning.teacher import read_teacher
from cds_hooks.tuning.tuning_errors import TuningDataError


def row(**other: Any) -> dict[str, Any]:
    """A whole example."""
    return {
        "id": "case-1",
        "patient": "patient-1",
        "messages": [{"role": "user", "content": "S1 | painful toe"}],
        "answer": '{"diagnosis":"Gout"}',
        "gold": {"display": "Gout"},
        "source": "own",
        **other,
    }


def written(path: Path, *rows: object) -> Path:
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return path


def test_what_is_written_is_read_again_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    whole = row(trace="S1 fits gout.", facts=["S1"])
    examples = read_examples(written(tmp_path / "a.jsonl", whole))
    path = tmp_path / "b.jsonl"
    write_examples(path, examples)
    assert read_examples(path) == examples
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": [{"role": "assistant", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x"}, {"role": "system", "content": "y"}]},
        {"gold": {}},
        {"answer": ""},
        {"patient": ""},
        {"more": 1},
    ],
)
def test_a_wrong_line_is_named_and_its_text_is_not(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = written(tmp_path / "a.jsonl", row(), row(answer="SECRET") | wrong)
    with pytest.raises(TuningDataError) as caught:
        read_examples(path)
    assert caught.value.where == "a.jsonl: line 2"
    assert "SECRET" not in caught.value.diagnostics()


def test_an_id_for_the_second_time_is_refused(tmp_path: Path) -> None:
    """Ids tell which part a case is in, and whose trace a teacher's is."""
    path = written(tmp_path / "a.jsonl", row(), row(id="case-2"), row(patient="SECRET"))
    with pytest.raises(TuningDataError, match="second time") as caught:
        read_examples(path)
    assert caught.value.where == "a.jsonl: example 3"


def test_labels_mark_what_a_loss_is_computed_on() -> None:
    tokens = MarkedTokens(id="a", input_ids=(5, 6, 7), labels=(-100, 6, 7))
    assert tokens.marked == [6, 7]
    with pytest.raises(ValueError, match="not as long"):
        MarkedTokens(id="a", input_ids=(5, 6), labels=(6,))


LINE = st.binary(max_size=40) | st.dictionaries(
    st.sampled_from([*row(), "by", "trace", "input_ids", "labels", "case_digests", "parts"]),
    st.none()
    | st.text(max_size=4)
    | st.lists(st.text(max_size=4) | st.integers(-9, 9), max_size=2),
    max_size=4,
).map(orjson.dumps)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=LINE)
def test_any_bytes_are_read_or_refused_with_the_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(raw)
    places = [refused(read, path) for read in (read_examples, read_marked, read_teacher)]
    assert all(not place or place.startswith("any.jsonl: line ") for place in places)
    assert refused(fitted_cases, path) in ("", str(path))


def refused(read: Callable[[Path], object], path: Path) -> str:
    """The place that a reader names; "" where it reads the file."""
    try:
        read(path)
    except (TuningDataError, RunError) as error:
        return error.where
    return ""
