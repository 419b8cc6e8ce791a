"""The file of coefficients: one form, read strictly, and no value of it in an error."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.verifier import (
    CoefficientFile,
    VerifierError,
    digest,
    read_coefficients,
    write_coefficients,
)
from cds_hooks.verifier.combination import score_by_coefficients
from tests.verifier.files import content, small_file

_FINITE = st.floats(-1e9, 1e9)
_LOG_ODDS = st.floats(-500, 500)
_NAMES = ["vote_share", "margin", "p_true", "votes:m", "failed:timing", "missing:p_true"]


@st.composite
def _files(draw: st.DrawFn) -> CoefficientFile:
    names = [*draw(st.lists(st.sampled_from(_NAMES[:-1]), min_size=1, unique=True))]
    if "p_true" in names and draw(st.booleans()):
        names.append(_NAMES[-1])
    several = st.lists(_FINITE, min_size=len(names), max_size=len(names))
    weights = st.lists(_LOG_ODDS, min_size=len(names), max_size=len(names))
    scales = [max(abs(s), 1e-12) for s in draw(several)]
    x = sorted(draw(st.lists(st.floats(0, 1), min_size=1, unique=True)))
    y = sorted(draw(st.lists(st.floats(0, 1), min_size=len(x), max_size=len(x))))
    return small_file(
        features=names,
        coefficients=draw(weights),
        intercept=draw(_LOG_ODDS),
        standardisation={"mean": draw(several), "scale": scales},
        calibration={"x": x, "y": y, "n": 7},
        conformal={"0.05": draw(st.none() | st.floats(0.01, 1))},
    )


@settings(max_examples=25)
@given(_files())
def test_what_is_written_is_read_again(file: CoefficientFile) -> None:
    raw = write_coefficients(file)
    assert read_coefficients(raw) == file
    assert write_coefficients(read_coefficients(raw)) == raw


@settings(max_examples=60)
@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | _FINITE | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
).map(orjson.dumps))  # fmt: skip
def test_whatever_else_is_refused_with_a_code(raw: bytes) -> None:
    with pytest.raises(VerifierError) as refused:
        read_coefficients(raw)
    assert refused.value.code == "verifier-invalid"


@settings(max_examples=40)
@given(st.data())
def test_a_byte_changed_is_refused_or_another_file(data: st.DataObject) -> None:
    """What its digest stands for cannot be changed and stay the same file."""
    raw = bytearray(write_coefficients(small_file()))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255).filter(lambda b: b != raw[at]))
    try:
        found = read_coefficients(bytes(raw))
    except VerifierError:
        return
    assert digest(found) != digest(small_file())


def _changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    made = copy.deepcopy(content())
    change(made)
    return orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.update(features=["vote_share", "vote_share", "p_true"]),
        lambda f: f.update(features=["vote_share", "gold", "p_true"]),
        lambda f: f.update(features=["vote_share", "margin", "missing:p_true"]),
        lambda f: f.update(coefficients=[1.0, 2.0]),
        lambda f: f.update(intercept=None),
        lambda f: f.update(version=2),
        lambda f: f.update(extra=1),
        lambda f: f["standardisation"].update(scale=[1.0, 0.0, 1.0]),
        lambda f: f["standardisation"].update(mean=[1.0]),
        lambda f: f["calibration"].update(x=[0.6, 0.2]),
        lambda f: f["calibration"].update(x=[0.2, 0.2]),
        lambda f: f["calibration"].update(y=[0.9, 0.1]),
        lambda f: f["calibration"].update(y=[0.1]),
        lambda f: f["calibration"].update(y=[0.1, 1.1]),
        lambda f: f.update(conformal={"1": 0.5}),
        lambda f: f.update(conformal={"0": 0.5}),
        lambda f: f.update(conformal={"0.10": 0.5}),
        lambda f: f.update(conformal={"ten": 0.5}),
        lambda f: f.update(conformal={"0.1": 0.0}),
        lambda f: f["parts"].update(unseen={"case_digests": ["1" * 64]}),
        lambda f: f["parts"].update(unseen={"patient_digests": ["2" * 64]}),
        lambda f: f["parts"].update(fit={"case_digests": ["1" * 64, "1" * 64]}),
        lambda f: f["parts"].update(fit={"case_digests": ["case 7"]}),
        lambda f: f["parts"].update(fit={"case_digests": []}),
        lambda f: f["source"].update(models=[]),
    ],
)
def test_what_does_not_fit_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(VerifierError):
        read_coefficients(_changed(change))


def test_another_form_of_the_same_content_is_refused() -> None:
    with pytest.raises(VerifierError, match="one form"):
        read_coefficients(orjson.dumps(content()))


def test_an_error_names_the_member_and_no_value() -> None:
    with pytest.raises(VerifierError) as refused:
        read_coefficients(_changed(lambda f: f["source"].update(samples="Zebra disease")))
    told = refused.value.diagnostics()
    assert "source.samples" in told
    assert "Zebra" not in told


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"coefficients": [500.5, 1.0, 1.0]}, {"coefficients": [500.0, -500.0, 1.0]}),
        ({"intercept": -501.0}, {"intercept": -500.0}),
        ({"standardisation": {"mean": [2e9, 0.0, 0.0], "scale": [1.0, 1.0, 1.0]}},
         {"standardisation": {"mean": [1e9, 0.0, 0.0], "scale": [1e-12, 1.0, 1.0]}}),
        ({"standardisation": {"mean": [0.0, 0.0, 0.0], "scale": [1e-13, 1.0, 1.0]}}, {}),
    ],
)  # fmt: skip
def test_numbers_that_would_overflow_are_refused(
    changed: dict[str, Any], kept: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="validation error"):
        small_file(**changed)
    score = score_by_coefficients(small_file(**kept), {"vote_share": 1.0, "p_true": -6.9})
    assert 0 <= score.value <= 1


def test_a_promise_that_was_calibrated_on_no_case_is_refused() -> None:
    parts = {"fit": content()["parts"]["fit"]}
    for promise in ({"conformal": {}}, {"calibration": None}):
        with pytest.raises(ValueError, match="made on no case"):
            small_file(parts=parts, **promise)
    assert small_file(parts=parts, calibration=None, conformal={"0.1": None}).parts.fit
