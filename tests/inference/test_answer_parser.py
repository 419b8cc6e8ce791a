"""What a sample said becomes a differential of this chart, or an error with a path."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.consultation import Evidence, Group
from cds_hooks.inference.answer_parser import CLAIMS, InvalidOutput, Limits, parse_differential

FACTS = ("L1", "L12", "P3")


def _diagnosis(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Hyperkalemia",
        "group": "likely",
        "for": [{"fact": "L1", "is": "high"}],
        "against": [],
        "discriminator": "ECG",
        **changes,
    }


def _text(*diagnoses: Any) -> str:
    return orjson.dumps({"diagnoses": list(diagnoses)}).decode()


def test_a_differential_keeps_what_was_said() -> None:
    other = _diagnosis(name="Renal failure", group="must-not-miss")
    found = parse_differential(_text(_diagnosis(), other), FACTS, model="m", sample=2)
    assert [candidate.diagnosis for candidate in found.candidates] == [
        "Hyperkalemia",
        "Renal failure",
    ]
    assert found.candidates[0].evidence_for == (Evidence("L1", "high"),)
    assert found.candidates[1].group is Group.MUST_NOT_MISS
    assert (found.model, found.sample) == ("m", 2)


def test_an_empty_differential_is_an_answer() -> None:
    assert parse_differential(_text(), FACTS).candidates == ()


def test_a_model_may_name_no_discriminator() -> None:
    short = {key: value for key, value in _diagnosis().items() if key != "discriminator"}
    assert parse_differential(_text(short), FACTS).candidates[0].discriminator == ""


def test_a_repeated_citation_is_kept_once() -> None:
    cited = {"fact": "L1", "is": "high"}
    other = {"fact": "L1", "is": "abnormal"}
    found = parse_differential(_text(_diagnosis(**{"for": [cited, other, cited]})), FACTS)
    assert found.candidates[0].evidence_for == (
        Evidence("L1", "high"),
        Evidence("L1", "abnormal"),
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "$"),
        ("Sure! Here is the list", "$"),
        ('{"diagnoses":[]', "$"),
        ("[]", "$"),
        ('{"diagnoses":[],"note":"x"}', "$"),
        ('{"diagnoses":{}}', "$.diagnoses"),
        (_text(*[_diagnosis(name=f"d{n}") for n in range(21)]), "$.diagnoses"),
        (_text("Hyperkalemia"), "$.diagnoses[0]"),
        (_text({"name": "x"}), "$.diagnoses[0]"),
        (_text(_diagnosis(extra=1)), "$.diagnoses[0]"),
        (_text(_diagnosis(name=3)), "$.diagnoses[0].name"),
        (_text(_diagnosis(name="  ")), "$.diagnoses[0].name"),
        (_text(_diagnosis(name="x" * 201)), "$.diagnoses[0].name"),
        (_text(_diagnosis(group="certain")), "$.diagnoses[0].group"),
        (_text(_diagnosis(group=["likely"])), "$.diagnoses[0].group"),
        (_text(_diagnosis(), _diagnosis(name="HYPERKALEMIA")), "$.diagnoses[1].name"),
        (_text(_diagnosis(against=None)), "$.diagnoses[0].against"),
        (_text(_diagnosis(against=["L1"])), "$.diagnoses[0].against[0]"),
        (
            _text(_diagnosis(**{"for": [{"fact": "L9", "is": "high"}]})),
            "$.diagnoses[0].for[0].fact",
        ),
        (_text(_diagnosis(**{"for": [{"fact": "L1", "is": "odd"}]})), "$.diagnoses[0].for[0].is"),
        (_text(_diagnosis(discriminator="x" * 601)), "$.diagnoses[0].discriminator"),
        ("x" * 70_000, "$"),
        ("[" * 60_000, "$"),
    ],
)
def test_anything_else_is_refused_at_its_place(text: str, where: str) -> None:
    with pytest.raises(InvalidOutput) as caught:
        parse_differential(text, FACTS)
    assert caught.value.where == where
    assert caught.value.code == "invalid-output"


def test_invisible_characters_are_dropped() -> None:
    found = parse_differential(_text(_diagnosis(name="Hyper\u202ekalemia\u0000 \n mild")), FACTS)
    assert found.candidates[0].diagnosis == "Hyperkalemia mild"


def test_an_error_never_quotes_the_answer() -> None:
    secret = "Jane Roe"
    for text in (secret, _text(_diagnosis(group=secret)), _text(_diagnosis(**{secret: 1}))):
        with pytest.raises(InvalidOutput) as caught:
            parse_differential(text, FACTS)
        assert secret not in caught.value.diagnostics()


_evidence = st.lists(
    st.fixed_dictionaries({"fact": st.sampled_from(FACTS), "is": st.sampled_from(sorted(CLAIMS))}),
    max_size=5,
)
_valid = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=50),
            "group": st.sampled_from(list(Group)),
            "for": _evidence,
            "against": _evidence,
            "discriminator": st.text(max_size=50),
        }
    ),
    max_size=6,
    unique_by=lambda item: " ".join(item["name"].split()).casefold(),
)
_anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["diagnoses", "name", "group", "for", "against", "discriminator"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(items=_valid)
def test_every_valid_answer_is_read_whole(items: list[dict[str, Any]]) -> None:
    found = parse_differential(_text(*items), FACTS)
    assert len(found.candidates) == len(items)
    for candidate, item in zip(found.candidates, items, strict=True):
        assert {e.fact_id for e in candidate.evidence_for} == {e["fact"] for e in item["for"]}


@given(value=_anything)
def test_any_json_is_a_differential_or_an_invalid_output(value: Any) -> None:
    text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    _parses_or_refuses(text)


@given(text=st.text(max_size=200))
def test_any_text_is_a_differential_or_an_invalid_output(text: str) -> None:
    _parses_or_refuses(text)


def _parses_or_refuses(text: str) -> None:
    with contextlib.suppress(InvalidOutput):
        found = parse_differential(text, FACTS, limits=Limits(diagnoses=3))
        assert len(found.candidates) <= 3
