"""Edits of epochs by hand are found: in an export, at the witness, with the key or without."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit.ledger import canonical_json, checkpoint, merkle_tree
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner
from cds_hooks.audit.ledger.epochs import EpochBegin, Epochs
from cds_hooks.audit.ledger.export import Export, parse_record
from cds_hooks.audit.ledger.ledger_errors import EpochInvalid
from cds_hooks.audit.ledger.verification import LedgerVerifier
from cds_hooks.audit.ledger.witness import FolderWitness
from tests.ledger.ledgers import rechained, signed
from tests.ledger.restores import RestoredSite
from tests.ledger.sites import run

RESTORED = b'"store-restored"'
LATE = "2099-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> RestoredSite:
    """A restored site with an export of its second epoch in `export`."""
    made = RestoredSite(tmp_path_factory.mktemp("site"))
    asyncio.run(_make(made))
    run("export", made.folder / "export", "--config", made.folder / "chartside.toml")
    return made


async def _make(site: RestoredSite) -> None:
    await site.run(3)
    site.back_up()
    await site.run(12)
    site.restore(site.folder / "copy.sqlite")
    site.later_s = 0.0
    await site.run(4)


class Edited:
    """An export and a witness that may be changed."""

    def __init__(self, site: RestoredSite, folder: Path) -> None:
        self.folder, self.witness = folder / "export", folder / "witness"
        shutil.copytree(site.folder / "export", self.folder)
        shutil.copytree(site.witness, self.witness)
        self.key: CheckpointSigner = site.signer
        self._public = site.folder / "export" / "ledger.pub"
        self._site = site

    @property
    def lines(self) -> list[bytes]:
        return list(Export(self.folder).lines())

    @property
    def notes(self) -> list[str]:
        return list(Export(self.folder).notes())

    @property
    def begin(self) -> int:
        return next(n for n, line in enumerate(self.lines) if RESTORED in line)

    def write(self, lines: list[bytes] | None = None, notes: list[str] | None = None) -> None:
        coded = [canonical_json.encode({"note": note}) for note in notes or self.notes]
        for name, found in (("records", lines or self.lines), ("checkpoints", coded)):
            place = self.folder / f"{name}.ndjson"
            place.write_bytes(b"".join(line + b"\n" for line in found))

    def change_record(self, change: Callable[[dict[str, Any]], None]) -> list[bytes]:
        """The records with the one of the restore changed, chained again."""
        lines = self.lines
        record: dict[str, Any] = orjson.loads(lines[self.begin])
        change(record["details"])
        lines[self.begin] = canonical_json.encode(record)
        return rechained(lines)

    def keep_at_witness(self, size: int, root: bytes, at: str, epoch: int = 1) -> None:
        """A checkpoint that the holder of the key signs, at the witness."""
        signed = Checkpoint(self.key.public.name, size, root, at, epoch=epoch)
        FolderWitness(self.witness).keep(size, checkpoint.sign(signed, self.key))

    def found(self, *, whole: bool = False) -> str:
        return str(self.told(whole=whole).get("code", ""))

    def told(self, *, whole: bool) -> dict[str, Any]:
        told = self._site.verified(
            self.folder,
            *("--public-key", self._public, "--witness", self.witness),
            expect=0 if whole else 1,
        )
        assert told["whole"] is whole
        return told


@pytest.fixture
def edited(site: RestoredSite, tmp_path: Path) -> Edited:
    return Edited(site, tmp_path / "edited")


def test_what_was_not_edited_is_whole(edited: Edited) -> None:
    assert edited.found(whole=True) == ""


@pytest.mark.parametrize("chained_again", [False, True])
def test_the_record_of_the_restore_cannot_be_dropped(edited: Edited, chained_again: bool) -> None:
    lines = edited.lines
    del lines[edited.begin]
    edited.write(rechained(lines) if chained_again else lines)
    edited.found()


@pytest.mark.parametrize(
    ("name", "value"),
    [("root", "00" * 32), ("size", 10**6), ("size", 1), ("epoch", 2), ("signed_at", LATE)],
)
def test_what_the_restore_gives_up_cannot_be_told_otherwise(
    edited: Edited, name: str, value: object
) -> None:
    edited.write(edited.change_record(lambda told: told["superseded"][0].update({name: value})))
    edited.found()


@pytest.mark.parametrize(
    ("name", "value"),
    [("reason", "another"), ("kept", 1), ("epoch", 3), ("restored_root", "00" * 32),
     ("superseded", []), ("last_signed", LATE), ("epoch", "2"), ("superseded", [1])],
)  # fmt: skip
def test_nothing_of_the_restore_can_be_told_otherwise(
    edited: Edited, name: str, value: object
) -> None:
    edited.write(edited.change_record(lambda told: told.update({name: value})))
    edited.found()


@pytest.mark.parametrize("line", ["epoch 3\n", ""])
@pytest.mark.parametrize("where", ["export", "end", "witness"])
def test_the_epoch_of_a_note_cannot_be_changed(edited: Edited, where: str, line: str) -> None:
    def change(note: str) -> str:
        return re.sub(r"^epoch 2\n", line, note, flags=re.MULTILINE)

    if where == "export":
        edited.write(notes=[change(note) for note in edited.notes])
    else:
        found = {"end": edited.folder / "end.note"}
        found["witness"] = max(edited.witness.iterdir())
        before = found[where].read_text("utf-8")
        found[where].write_text(change(before), "utf-8")
        assert found[where].read_text("utf-8") != before
    if where == "witness" and line:  # it says of itself that it is later, and nobody signed it
        assert edited.told(whole=True)["later_of_other_keys"] == 1
    else:
        edited.found()


def test_a_checkpoint_of_the_first_epoch_signed_after_the_second_began(edited: Edited) -> None:
    given_up = orjson.loads(edited.lines[edited.begin])["details"]["superseded"][0]["size"]
    edited.keep_at_witness(given_up - 1, bytes(32), LATE)
    assert edited.found() == "epoch-signed-late"


def test_a_checkpoint_of_kept_records_signed_after_the_second_began(edited: Edited) -> None:
    roots = [checkpoint.parse(note) for note in edited.notes]
    first = next(each for each in roots if each.epoch == 1)
    place = edited.witness / f"checkpoint-{first.size:016}.note"
    place.unlink()
    edited.keep_at_witness(first.size, first.root, LATE)
    # The export's own note of that size is as it was: one of the two is kept, both hold.
    edited.write(notes=[note for note in edited.notes if checkpoint.parse(note) != first])
    edited.found()


def test_more_records_of_the_first_epoch_than_the_restore_gave_up(edited: Edited) -> None:
    edited.keep_at_witness(10**6, bytes(32), "2020-01-01T00:00:00.000Z")
    assert edited.found() == "epoch-not-given-up"


@pytest.mark.parametrize("epoch", ["000001", "000000"])
def test_no_second_name_takes_the_place_of_a_note(edited: Edited, epoch: str) -> None:
    """A witness that lets nobody change what is there may still take further files."""
    place = min(edited.witness.iterdir())
    before = FolderWitness(edited.witness).newest(), list(FolderWitness(edited.witness).notes())
    shutil.copy(
        max(edited.witness.iterdir()), edited.witness / place.name.replace("-", f"-{epoch}-")
    )
    assert (FolderWitness(edited.witness).newest(), [*FolderWitness(edited.witness).notes()]) == (
        before
    )


def test_another_root_than_the_restore_gave_up(edited: Edited) -> None:
    given_up = orjson.loads(edited.lines[edited.begin])["details"]["superseded"][0]
    place = edited.witness / f"checkpoint-{given_up['size']:016}.note"
    place.unlink()
    edited.keep_at_witness(given_up["size"], bytes(32), given_up["signed_at"])
    assert edited.found() == "epoch-root-differs"


def test_an_epoch_that_the_export_knows_nothing_of_is_later(edited: Edited) -> None:
    """The store was restored again after the export was taken."""
    edited.keep_at_witness(5, bytes(32), LATE, epoch=3)
    assert edited.found(whole=True) == ""
    words = ("--public-key", edited.folder / "ledger.pub", "--witness", edited.witness)
    assert "epoch 3" in run("verify", edited.folder, *words, "--epoch-known", 2, expect=1)


def test_the_holder_of_the_key_cannot_tell_another_restore_than_the_witness_saw(
    edited: Edited,
) -> None:
    """Everything is written and signed again, with fewer records given up."""
    lines = edited.change_record(lambda told: told.update({"superseded": []}))
    epochs = {(each := checkpoint.parse(note)).size: each.epoch for note in edited.notes}
    notes = _signed(lines, epochs, edited.key)
    (edited.folder / "end.note").unlink()
    edited.write(lines[: max(epochs)], notes)
    assert edited.found() in ("signature", "root-differs")


@pytest.mark.parametrize("epoch", [1, 3])
def test_an_epoch_has_to_be_signed_as_that_epoch(edited: Edited, epoch: int) -> None:
    """By the holder of the key, and with no witness to compare with."""
    first = {(each := checkpoint.parse(note)).size: each.epoch for note in edited.notes}
    epochs = {size: each if each == 1 else epoch for size, each in first.items()}
    (edited.folder / "end.note").unlink()
    edited.write(edited.lines[: max(epochs)], _signed(edited.lines, epochs, edited.key))
    shutil.rmtree(edited.witness)
    edited.witness.mkdir()
    assert edited.found() in ("epoch-differs", "epoch-unsigned")


def test_an_epoch_has_to_be_signed_at_all(edited: Edited) -> None:
    kept = [note for note in edited.notes if checkpoint.parse(note).epoch == 1]
    (edited.folder / "end.note").unlink()
    shutil.rmtree(edited.witness)
    edited.witness.mkdir()
    edited.write(edited.lines[: edited.begin + 1], kept)
    assert edited.found() == "epoch-unsigned"


def _signed(lines: list[bytes], epochs: dict[int, int], key: CheckpointSigner) -> list[str]:
    return [
        checkpoint.sign(replace(checkpoint.parse(note), epoch=epochs[size]), key)
        for size, note in zip(epochs, signed(lines, list(epochs), key), strict=True)
    ]


_NAMES = ["epoch", "restored_size", "restored_root", "kept", "superseded", "reason",
          "last_signed", "replaced_records", "size", "root", "signed_at"]  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**53 - 1) | st.text(max_size=6)
    | st.just("00" * 32) | st.just(0),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(_NAMES), _VALUES) | _VALUES, st.booleans())
def test_any_record_of_a_restore_is_read_or_refused_by_name(details: Any, complete: bool) -> None:
    whole = EpochBegin(0, 2, "", 0, merkle_tree.EMPTY_ROOT).details()
    if complete and isinstance(details, dict):
        details = whole | details
    fields = {"type": "store-restored", "seq": 0, "prev_hash": "", "details": details}
    data = canonical_json.encode(fields)
    record = parse_record(data)
    assert record is not None
    epochs = Epochs.of([data])
    assert len(epochs.begins) <= 1
    try:
        found = EpochBegin.of(record)
    except EpochInvalid:
        assert epochs.begins == ()
        assert not LedgerVerifier([], None).add(data)
        return
    if found is not None:
        told = found.details()
        assert all(told[name] == details[name] for name in told.keys() & details.keys())
