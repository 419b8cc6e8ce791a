"""Bytes, files and folders as resources, and errors that say what to do."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import MappingError
from fhir_mapping.input.loading import find_patient_ids, load_bytes, load_path

ONE = {"resourceType": "Patient", "id": "p1"}
TWO = {"resourceType": "Condition", "id": "c1"}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [{"resource": ONE}, {"resource": TWO}],
}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (orjson.dumps(ONE), [ONE]),
        (orjson.dumps(BUNDLE), [ONE, TWO]),
        (orjson.dumps([ONE, TWO]), [ONE, TWO]),
        (orjson.dumps(ONE) + b"\n" + orjson.dumps(TWO) + b"\n", [ONE, TWO]),
        (b"\n" + orjson.dumps(ONE) + b"\r\n\r\n" + orjson.dumps(BUNDLE), [ONE, ONE, TWO]),
        (gzip.compress(orjson.dumps(BUNDLE), mtime=0), [ONE, TWO]),
        (orjson.dumps({"resourceType": "Bundle", "entry": [{"resource": BUNDLE}]}), [ONE, TWO]),
        (orjson.dumps({"resourceType": "Bundle"}), []),
        (orjson.dumps({"resourceType": "Bundle", "entry": [None, {"resource": 5}, {}]}), []),
    ],
)
def test_resources_are_found(data: bytes, found: list[dict[str, str]]) -> None:
    assert load_bytes(data) == found


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-input"),
        (b"  \n ", "empty-input"),
        (orjson.dumps(BUNDLE)[:-20], "not-json"),
        (b"<html>no</html>", "not-json"),
        (b"\xff\xfe\x00", "not-json"),
        (b"[" * 100_000, "too-deep"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too-deep"),
        (b"{}", "not-fhir"),
        (b"[1, 2]", "not-fhir"),
        (b'"text"', "not-fhir"),
        (b"null", "not-fhir"),
        (gzip.compress(b"{}" * 100, mtime=0)[:-12], "broken-gzip"),
        (orjson.dumps(ONE) + b"\n{broken", "not-json"),
    ],
)
def test_what_cannot_be_read_says_so(data: bytes, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        load_bytes(data, where="upload")
    assert caught.value.code == code
    assert caught.value.where.startswith("upload")
    assert caught.value.hint
    assert caught.value.diagnostics().startswith(f"{code}: ")


def test_an_error_names_the_line_and_never_what_stands_there() -> None:
    data = orjson.dumps(ONE) + b'\n{"resourceType": "Condition", "note": Secretname}'
    with pytest.raises(MappingError) as caught:
        load_bytes(data)
    assert "line 2" in caught.value.where
    assert "Secretname" not in caught.value.diagnostics()


def test_a_urn_names_a_resource_without_id() -> None:
    entry = {"fullUrl": "urn:uuid:aa-bb", "resource": {"resourceType": "Patient"}}
    assert load_bytes(orjson.dumps({"resourceType": "Bundle", "entry": [entry]})) == [
        {"resourceType": "Patient", "id": "aa-bb"}
    ]


def test_references_to_a_urn_follow_the_id_that_the_resource_has() -> None:
    patient = {"fullUrl": "urn:uuid:aa", "resource": {"resourceType": "Patient", "id": "p1"}}
    owned = {"resourceType": "Condition", "id": "c", "subject": {"reference": "urn:uuid:aa"}}
    bundle = {"resourceType": "Bundle", "entry": [patient, {"resource": owned}]}
    _, condition = load_bytes(orjson.dumps(bundle))
    assert condition["subject"] == {"reference": "Patient/p1"}


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "b.ndjson").write_bytes(orjson.dumps(TWO))
    (tmp_path / "a.json").write_bytes(orjson.dumps(ONE))
    (tmp_path / "ignored.txt").write_text("no")
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(orjson.dumps(ONE)))
    assert load_path(tmp_path) == [ONE, TWO, ONE]
    assert find_patient_ids(load_path(tmp_path)) == ["p1"]


@pytest.mark.parametrize(
    ("name", "code"), [("none.json", "unreadable-file"), ("empty", "no-fhir-file")]
)
def test_a_path_that_cannot_be_read_says_so(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MappingError) as caught:
        load_path(tmp_path / name)
    assert caught.value.code == code
    assert str(tmp_path) not in caught.value.diagnostics()


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_resources_or_a_clear_error(data: bytes) -> None:
    hint = ""
    found: list[dict[str, object]] = []
    try:
        found = load_bytes(data)
    except MappingError as error:
        hint = error.hint
    assert hint or all(isinstance(resource, dict) for resource in found)
