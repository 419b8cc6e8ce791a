"""Consultation -> bytes -> Consultation, exactly; other versions and damage."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit import RecordUnreadable
from cds_hooks.audit.codec import Codec
from cds_hooks.consultation import CheckedConsultation, Outcome, PreparedConsultation
from cds_hooks.protocol.cards import Coding
from cds_hooks.protocol.feedback import FeedbackEntry
from fhir_mapping.chart import Chart, PatientFacts

CODEC = Codec(CheckedConsultation, "consultation")

finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
scalars = {float: finite, str: st.text(), bool: st.booleans(), Any: json_values}
scalars |= {int: st.integers(-(2**63), 2**63 - 1), types.NoneType: st.none()}


def build(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that an annotation allows, every field of a dataclass drawn."""
    if hint in scalars:
        return scalars[hint]
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{f.name: build(hints[f.name]) for f in dataclasses.fields(hint)})
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(build(inner[0]), max_size=3).map(tuple)
    if origin is collections.abc.Mapping:
        return st.dictionaries(build(inner[0]), build(inner[1]), max_size=3)
    return st.one_of(*(build(each) for each in inner))


@given(build(CheckedConsultation))
def test_round_trip_is_exact(value: CheckedConsultation) -> None:
    assert CODEC.decode(CODEC.encode(value), CODEC.format) == value


@given(build(PreparedConsultation))
def test_round_trip_without_an_answer_is_exact(value: PreparedConsultation) -> None:
    codec = Codec(PreparedConsultation, "prepared-consultation")
    assert codec.decode(codec.encode(value), codec.format) == value


def test_a_full_consultation_comes_back_with_its_types(consultation: CheckedConsultation) -> None:
    back = CODEC.decode(CODEC.encode(consultation), CODEC.format)
    assert back == consultation
    assert back.outcome is Outcome.ANSWERED
    assert isinstance(back.chart.facts, tuple)
    assert repr(back) == repr(consultation)


@given(build(FeedbackEntry))
def test_feedback_round_trip_is_exact(entry: FeedbackEntry) -> None:
    codec = Codec(FeedbackEntry, "feedback")
    assert codec.decode(codec.encode(entry), codec.format) == entry


def test_mappings_that_are_no_dicts_are_stored(consultation: CheckedConsultation) -> None:
    view = types.MappingProxyType({"map": 1.0})
    value = dataclasses.replace(consultation, timings_ms=view)
    assert CODEC.decode(CODEC.encode(value), CODEC.format).timings_ms == {"map": 1.0}


def test_text_that_is_not_unicode_loses_only_the_broken_characters(
    consultation: CheckedConsultation,
) -> None:
    value = dataclasses.replace(consultation, samples=("caf\u00e9 \ud83d broken",))
    back = CODEC.decode(CODEC.encode(value), CODEC.format)
    assert back.samples == ("caf\u00e9 ? broken",)
    assert back.chart == consultation.chart


def test_a_number_that_is_not_finite_is_not_known_when_read(
    consultation: CheckedConsultation,
) -> None:
    chart = Chart(PatientFacts(float("inf"), "male"), ())
    back = CODEC.decode(CODEC.encode(dataclasses.replace(consultation, chart=chart)), CODEC.format)
    assert back.chart.patient == PatientFacts(None, "male")


def _changed(consultation: CheckedConsultation, change: Any) -> bytes:
    plain = orjson.loads(zlib.decompress(CODEC.encode(consultation)))
    change(plain)
    return zlib.compress(orjson.dumps(plain))


def test_fields_of_a_later_version_are_ignored(consultation: CheckedConsultation) -> None:
    def add(plain: dict[str, Any]) -> None:
        plain["panel"] = {"new": 1}
        plain["chart"]["facts"][0]["embedding"] = [1, 2]
        plain["assessments"][0]["reasons"][0]["weight"] = 0.5

    assert CODEC.decode(_changed(consultation, add), CODEC.format) == consultation


def test_fields_that_an_earlier_version_did_not_write_take_their_default(
    consultation: CheckedConsultation,
) -> None:
    def remove(plain: dict[str, Any]) -> None:
        del plain["contradictions"], plain["chart"]["quality"]

    back = CODEC.decode(_changed(consultation, remove), CODEC.format)
    assert back.contradictions == ()
    assert back.chart.quality == ()
    assert back.assessments == consultation.assessments


def test_an_unknown_format_is_refused_by_name(consultation: CheckedConsultation) -> None:
    with pytest.raises(RecordUnreadable) as caught:
        CODEC.decode(CODEC.encode(consultation), "consultation/9", where="id-1")
    assert "consultation/9" in caught.value.diagnostics()
    assert "id-1" in caught.value.diagnostics()


def test_what_does_not_fit_is_named_by_path_and_never_by_value(
    consultation: CheckedConsultation,
) -> None:
    def spoil(plain: dict[str, Any]) -> None:
        plain["chart"]["facts"][0]["kind"] = "Hansen's disease"

    with pytest.raises(RecordUnreadable) as caught:
        CODEC.decode(_changed(consultation, spoil), CODEC.format)
    assert "chart.facts.0.kind" in caught.value.diagnostics()
    assert "Hansen" not in caught.value.diagnostics()


@given(st.binary(max_size=200), st.booleans())
def test_damaged_bytes_are_an_error_with_a_code(data: bytes, compressed: bool) -> None:
    with pytest.raises(RecordUnreadable) as caught:
        CODEC.decode(zlib.compress(data) if compressed else data, CODEC.format)
    assert caught.value.code == "record-unreadable"


@given(st.data())
def test_a_truncated_record_is_an_error_with_a_code(data: st.DataObject) -> None:
    whole = Codec(FeedbackEntry, "feedback")
    encoded = whole.encode(FeedbackEntry("c", "accepted", override_reason=Coding("a", "b")))
    cut = data.draw(st.integers(0, len(encoded) - 8))
    with pytest.raises(RecordUnreadable):
        whole.decode(encoded[:cut], whole.format)
