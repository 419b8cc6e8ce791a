"""Every reader of bytes from outside: canonical form, checkpoints, keys, proofs, exports."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from cds_hooks.audit.ledger import canonical_json, checkpoint, merkle_tree
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.export import Export, parse_record, write_export
from cds_hooks.audit.ledger.ledger_errors import (
    CheckpointInvalid,
    ExportUnreadable,
    ProofInvalid,
    RecordRefused,
    SigningKeyRefused,
)
from cds_hooks.audit.ledger.proof import RecordProof, prove
from cds_hooks.audit.ledger.record import Entry
from tests.ledger.ledgers import KEY, OTHER_KEY, made, verified

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2**53) + 1, 2**53 - 1)
    | st.text()
)
names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_.:-]{0,8}", fullmatch=True)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(values)
@example("\x7f\u2028\ud7ff\U0001f600")
@example([1e16, 1e21, 1e-7, -0.0, 5e-324, 1.0, 333333333.33333329])
@example({"\ue000": 1, "\U00010000": 2, "a": 3})
def test_the_quick_way_writes_what_rfc_8785_writes(value: object) -> None:
    assert canonical_json.encode(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(st.dictionaries(names, values))
def test_members_joined_are_the_whole_object(fields: dict[str, object]) -> None:
    whole = rfc8785.dumps(fields)  # type: ignore[arg-type]
    assert canonical_json.join(canonical_json.members(fields)) == whole
    assert canonical_json.read(whole) is not None


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":-0}',
        b'{"a":1e2}',
        b'{"a": 1}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":9007199254740993}',
        b'{"a":1}\n',
        b"[1]",
        b"",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_another_way_to_write_a_value_is_no_record(data: bytes) -> None:
    assert canonical_json.read(data) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_not_without_an_error(data: bytes) -> None:
    read = canonical_json.read(data)
    assert read is None or canonical_json.encode(read) == data
    assert parse_record(data) is None or read is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": 2.0**53},
        {"a": 2**53},
        {"a": object()},
        {"a": b"bytes"},
        {"a": "x" * 5000},
        {"\u00e4": 1},
        {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}},
        {"outcome": 1},
        {"cards": "no tuple"},
    ],
)
def test_what_a_record_cannot_hold_is_refused_by_name(fields: dict[str, object]) -> None:
    with pytest.raises(RecordRefused):
        Entry.of("event", fields)


@given(st.text(max_size=8))
def test_a_type_is_words_in_kebab_case(text: str) -> None:
    try:
        entry = Entry.of(text, {})
    except RecordRefused:
        return
    assert entry.type.isascii()
    assert entry.type == text.lower()


NOTE = checkpoint.sign(Checkpoint("cds.example", 7, bytes(32), "2026-11-22T10:00:00Z"), KEY)


def test_a_note_is_what_it_was_signed_as() -> None:
    found = checkpoint.verify(NOTE, OTHER_KEY.public, KEY.public)
    assert found == Checkpoint("cds.example", 7, bytes(32), "2026-11-22T10:00:00Z")
    with pytest.raises(CheckpointInvalid):
        checkpoint.verify(NOTE, OTHER_KEY.public)


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"), st.booleans())
def test_a_note_with_any_character_changed_is_not_accepted(
    at: int, character: str, inserted: bool
) -> None:
    changed = NOTE[:at] + character + NOTE[at + (not inserted) :]
    try:
        found = checkpoint.verify(changed, KEY.public)
    except CheckpointInvalid:
        return
    # What stands beside the signed text may be written differently; what was signed may not.
    assert changed == NOTE or found == checkpoint.verify(NOTE, KEY.public)


@given(st.text(max_size=300) | st.binary(max_size=300))
@example("\n\n\n")
@example(f"o\n1\n{base64.b64encode(bytes(32)).decode()}\n\n\N{EM DASH} x y\n")
@example(f"o\n1\n\ud800{base64.b64encode(bytes(32)).decode()}\n\n")
@example("o\n99999999999999999999\nAAAA\n\n\N{EM DASH} x AAAA\n")
def test_any_text_is_a_checkpoint_or_named_as_none(text: str | bytes) -> None:
    with pytest.raises(CheckpointInvalid):
        checkpoint.verify(text, KEY.public)


EPOCH_NOTE = checkpoint.sign(
    Checkpoint("cds.example", 7, bytes(32), "2026-11-22T10:00:00Z", epoch=12), KEY
)


@given(st.integers(0, len(EPOCH_NOTE) - 1), st.characters(codec="utf-8"), st.booleans())
def test_a_note_of_an_epoch_with_any_character_changed_is_not_accepted(
    at: int, character: str, inserted: bool
) -> None:
    assert checkpoint.verify(EPOCH_NOTE, KEY.public).epoch == 12
    changed = EPOCH_NOTE[:at] + character + EPOCH_NOTE[at + (not inserted) :]
    try:
        found = checkpoint.verify(changed, KEY.public)
    except CheckpointInvalid:
        return
    assert changed == EPOCH_NOTE or found == checkpoint.verify(EPOCH_NOTE, KEY.public)


@given(st.lists(st.text(max_size=12) | st.integers(-1, 10**8).map(str), max_size=3))
@example(["2"])
@example(["1"])
@example(["02"])
@example(["2", "2"])
@example(["999999"])
@example(["1000000"])
@example(["\u0662"])
def test_a_note_has_one_epoch_or_none_and_one_way_to_write_it(epochs: list[str]) -> None:
    """Also of a signer who writes what he likes."""
    lines = tuple(f"epoch {each}" for each in epochs)
    note = checkpoint.sign(Checkpoint("cds.example", 7, bytes(32), extensions=lines), KEY)
    try:
        found = checkpoint.verify(note, KEY.public)
    except CheckpointInvalid:
        return
    if not lines:
        assert found.epoch == 1
        return
    assert [f"epoch {found.epoch}"] == list(lines)
    assert 2 <= found.epoch <= 999_999


@given(st.binary(max_size=120) | st.text(max_size=120).map(lambda text: text.encode("utf-8")))
def test_any_bytes_are_a_public_key_or_named_as_none(data: bytes) -> None:
    with pytest.raises(SigningKeyRefused):
        CheckpointVerifier.parse(data)


def test_a_public_key_is_read_as_a_line_and_as_pem(tmp_path: Path) -> None:
    key = CheckpointSigner.load(tmp_path / "k" / "ledger.key", "cds.example", create=True)
    assert CheckpointVerifier.parse(key.public.line().encode()).raw == key.public.raw
    wrong = key.public.line().replace("cds.example", "another")
    with pytest.raises(SigningKeyRefused):
        CheckpointVerifier.parse(wrong.encode())
    assert "ledger.key" not in repr(key)
    (tmp_path / "k" / "ledger.key").chmod(0o640)
    with pytest.raises(SigningKeyRefused, match="may read"):
        CheckpointSigner.load(tmp_path / "k" / "ledger.key", "cds.example")


LEDGER = made(50, [20, 50])


def _proof(seq: int = 7) -> RecordProof:
    nodes = {(0, n): merkle_tree.leaf_hash(line) for n, line in enumerate(LEDGER.lines)}
    frontier = merkle_tree.Frontier()
    for leaf in list(nodes.values()):
        nodes |= {(n.level, n.index): n.hash for n in frontier.append(leaf)}
    read = lambda level, index: nodes[level, index]  # noqa: E731
    return prove(seq, LEDGER.lines[seq], LEDGER.notes[1], read, LEDGER.notes[0])


def test_a_proof_stands_alone() -> None:
    proof = RecordProof.parse(_proof().to_json())
    record, signed = proof.verify(KEY.public)
    assert (record.seq, signed.size) == (7, 50)
    with pytest.raises(CheckpointInvalid):
        proof.verify(OTHER_KEY.public)


def test_a_proof_of_another_record_or_ledger_is_refused() -> None:
    whole = json.loads(_proof().to_json())
    for name, value in [
        ("record", LEDGER.lines[8].decode()),
        ("record", LEDGER.lines[7].decode().replace("answered", "anSwered")),
        ("checkpoint", LEDGER.notes[0]),
        ("path", whole["path"][:-1]),
        ("path", whole["path"][::-1]),
        ("earlier_path", whole["earlier_path"][:-1]),
    ]:
        with pytest.raises(ProofInvalid):
            RecordProof.parse(json.dumps(whole | {name: value}).encode()).verify(KEY.public)


@given(st.sampled_from(["format", "record", "checkpoint", "path", "earlier_path"]), values)
def test_any_value_in_a_proof_is_refused_or_changes_nothing(name: str, value: object) -> None:
    whole = json.loads(_proof().to_json())
    try:
        RecordProof.parse(json.dumps(whole | {name: value}).encode()).verify(KEY.public)
    except (ProofInvalid, CheckpointInvalid):
        return
    assert whole[name] == value


@given(st.binary(max_size=300))
def test_any_bytes_are_a_proof_or_named_as_none(data: bytes) -> None:
    with pytest.raises(ProofInvalid):
        RecordProof.parse(data)


def test_an_export_is_read_as_it_was_written_and_never_over_another(tmp_path: Path) -> None:
    assert write_export(tmp_path / "x", LEDGER.lines, LEDGER.notes, KEY.public.line()) == 50
    export = Export(tmp_path / "x")
    assert list(export.lines()) == LEDGER.lines
    assert list(export.notes()) == LEDGER.notes
    assert CheckpointVerifier.load(export.key).raw == KEY.public.raw
    assert verified(list(export.lines()), list(export.notes())).is_whole
    assert all(file.stat().st_mode & 0o077 == 0 for file in export.folder.iterdir())
    with pytest.raises(ExportUnreadable):
        write_export(tmp_path / "x", LEDGER.lines, LEDGER.notes, KEY.public.line())


@given(records=st.binary(max_size=400), notes=st.binary(max_size=400))
def test_any_files_are_an_export_or_found_to_be_none(
    tmp_path_factory: pytest.TempPathFactory, records: bytes, notes: bytes
) -> None:
    folder = tmp_path_factory.mktemp("export")
    (folder / "records.ndjson").write_bytes(records)
    (folder / "checkpoints.ndjson").write_bytes(notes)
    export = Export(folder)
    try:
        report = verified(list(export.lines()), list(export.notes()))
    except ExportUnreadable:
        return
    assert not report.is_whole or (records == b"" and not report.checkpoints)
