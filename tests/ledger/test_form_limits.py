"""Lengths and counts of what the ledger writes and reads: on and beyond each. All are our own."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit.ledger import canonical_json, checkpoint
from cds_hooks.audit.ledger.export import Export, write_export
from cds_hooks.audit.ledger.ledger_errors import (
    CheckpointInvalid,
    ExportUnreadable,
    ProofInvalid,
    RecordRefused,
)
from cds_hooks.audit.ledger.proof import RecordProof
from cds_hooks.audit.ledger.record import Entry
from tests.ledger.ledgers import KEY, made

NOTE = made(3, [3]).notes[0]


def nested(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return {"x": value}


@pytest.mark.parametrize(
    ("details", "good"),
    [
        ({"a": "x" * 4096}, True),
        ({"a": "x" * 4097}, False),
        (nested(5), True),
        (nested(6), False),
        # Beyond 2**53 - 1 a number is not read back as it was written (RFC 8785, RFC 7493).
        ({"a": 9_007_199_254_740_991}, True),
        ({"a": -9_007_199_254_740_991}, True),
        ({"a": 9_007_199_254_740_992}, False),
        ({"a": -9_007_199_254_740_992}, False),
        ({"a": float("nan")}, False),
        ({"a": float("inf")}, False),
        ({"a": None}, True),
        ({"a": True}, True),
        ({"a": [1, "b"]}, True),
        ({"a": b"bytes"}, False),
        ({"a": {1, 2}}, False),
        ({"\u00e4": 1}, False),
        ({"a": {"\u00e4": 1}}, False),
        ({1: 1}, False),
    ],
)
def test_the_values_of_a_record(details: Any, good: bool) -> None:
    if good:
        assert Entry(type="x", recorded="t", details=details).written()["details"] == details
    else:
        with pytest.raises(RecordRefused):
            Entry(type="x", recorded="t", details=details)


def noted(signatures: int, more: str = "") -> str:
    text, _, rest = NOTE.rpartition("\n\n")
    other = "\N{EM DASH} other " + base64.b64encode(bytes(68)).decode() + "\n"
    return f"{text}{more}\n\n{rest}{other * (signatures - 1)}"


@pytest.mark.parametrize(("count", "good"), [(1, True), (15, True), (16, True), (17, False)])
def test_the_most_signatures_of_a_checkpoint(count: int, good: bool) -> None:
    if good:
        assert checkpoint.verify(noted(count), KEY.public).size == 3
    else:
        with pytest.raises(CheckpointInvalid, match="too many"):
            checkpoint.verify(noted(count), KEY.public)


@pytest.mark.parametrize(("length", "words"), [(16_384, "not signed"), (16_385, "too long")])
def test_the_longest_checkpoint(length: int, words: str) -> None:
    note = noted(1, "\n" + "x" * (length - len(noted(1, "\n").encode())))
    assert len(note.encode()) == length
    with pytest.raises(CheckpointInvalid, match=words):
        checkpoint.verify(note, KEY.public)


@pytest.mark.parametrize("size", [67, 69])
def test_a_signature_of_another_length(size: int) -> None:
    text, _, _ = NOTE.rpartition("\n\n")
    line = "\N{EM DASH} other " + base64.b64encode(bytes(size)).decode()
    with pytest.raises(CheckpointInvalid, match="Ed25519"):
        checkpoint.verify(f"{text}\n\n{line}\n", KEY.public)


@pytest.mark.parametrize("size", [31, 33])
def test_a_root_of_another_length(size: int) -> None:
    origin, count, _, *rest = NOTE.split("\n")
    root = base64.b64encode(bytes(size)).decode()
    with pytest.raises(CheckpointInvalid, match="SHA-256"):
        checkpoint.verify("\n".join((origin, count, root, *rest)), KEY.public)


def proof(steps: int, size: int = 32) -> bytes:
    step = base64.b64encode(bytes(size)).decode()
    whole = {"format": json.loads(RecordProof(b"{}", NOTE, ()).to_json())["format"], "record": "{}"}
    return json.dumps({**whole, "checkpoint": NOTE, "path": [step] * steps}).encode()


@pytest.mark.parametrize(
    ("steps", "size", "good"),
    [
        (0, 32, True),
        (63, 32, True),
        (64, 32, True),
        (65, 32, False),
        (1, 31, False),
        (1, 33, False),
    ],
)
def test_the_steps_of_a_proof(steps: int, size: int, good: bool) -> None:
    if good:
        assert len(RecordProof.parse(proof(steps, size)).path) == steps
    else:
        with pytest.raises(ProofInvalid, match="list of hashes"):
            RecordProof.parse(proof(steps, size))


def test_the_longest_proof() -> None:
    longest = 8 * 1024 * 1024
    data = proof(0)
    assert RecordProof.parse(data + b" " * (longest - len(data))).path == ()
    with pytest.raises(ProofInvalid, match="too long"):
        RecordProof.parse(data + b" " * (longest - len(data) + 1))


@pytest.mark.parametrize(
    ("name", "most"), [("records.ndjson", 4 * 1024 * 1024), ("checkpoints.ndjson", 64 * 1024)]
)
def test_the_longest_line_of_an_export(tmp_path: Path, name: str, most: int) -> None:
    folder = tmp_path / "x"
    write_export(folder, [], [], KEY.public.line())
    read = (lambda: list(Export(folder).lines())) if name[0] == "r" else _notes_of(folder)
    empty = len(b'{"note":""}')
    for length, good in ((most, True), (most + 1, False)):
        (folder / name).write_bytes(b'{"note":"' + b"x" * (length - empty) + b'"}\n')
        if good:
            assert len(read()) == 1
        else:
            with pytest.raises(ExportUnreadable, match="too long"):
                read()


def _notes_of(folder: Path) -> Callable[[], list[str]]:
    return lambda: list(Export(folder).notes())


def test_an_export_is_its_owners_alone(tmp_path: Path) -> None:
    ledger = made(2, [2])
    write_export(tmp_path / "x", ledger.lines, ledger.notes, KEY.public.line())
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o700
    names = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "x").iterdir()}
    assert len(names) == 4
    assert set(names.values()) == {0o600}
    assert any("readme" in name.lower() for name in names)


def test_names_are_sorted_as_rfc_8785_sorts_them() -> None:
    """By UTF-16 code units: U+10000, a surrogate pair from D800 on, comes before U+E000."""
    found = canonical_json.encode({"\ue000": 1, "\U00010000": 2, "a": 3})
    assert found == '{"a":3,"\U00010000":2,"\ue000":1}'.encode()
    assert canonical_json.encode({"b": 1, "a": "x"}) == b'{"a":"x","b":1}'


def test_a_checkpoint_ends_with_a_line_end() -> None:
    assert checkpoint.verify(NOTE, KEY.public).size == 3
    with pytest.raises(CheckpointInvalid, match="no signature"):
        checkpoint.verify(NOTE.removesuffix("\n"), KEY.public)
