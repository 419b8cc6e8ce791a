"""Epochs of a ledger. Each restore of the store begins one, with a record that tells of it.

A restored ledger is shorter than the one it replaces, and goes on differently. Its `store-restored`
record says so: which epoch begins, how many records it keeps, why and by whom it was restored, and
the newest checkpoints that it does not continue. The first checkpoint of the epoch is signed with
that record, so that nobody begins an epoch without the signing key. In the first epoch a ledger has
no such record; older versions wrote one without an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cds_hooks.audit.ledger.checkpoint import MAX_EPOCH, Checkpoint, time_of
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.ledger_errors import EpochDiffers, EpochInvalid
from cds_hooks.audit.ledger.merkle_tree import HASH_BYTES
from cds_hooks.audit.ledger.record import Record

__all__ = ["RESTORED", "EpochBegin", "Epochs", "Superseded"]

RESTORED = "store-restored"
_NEEDLE = f'"{RESTORED}"'.encode()
_MAX_SIZE = 10**16


@dataclass(frozen=True, slots=True)
class Superseded:
    """A checkpoint that the restored ledger does not continue: epoch, size, root, when signed."""

    epoch: int
    size: int
    root: bytes
    signed_at: str = ""

    def is_same(self, other: Checkpoint) -> bool:
        return (self.epoch, self.size, self.root) == (*other.order, other.root)


@dataclass(frozen=True, slots=True)
class EpochBegin:
    """The record `seq` with which an epoch begins.

    The ledger had `seq` records with the root `restored_root`; the first `kept` of them are those
    of the epoch before, as far as any checkpoint tells. `last_signed` is when the newest checkpoint
    that the site knew was signed. `replaced_records` is the size of the ledger that was replaced,
    None where it could not be read.
    """

    seq: int
    epoch: int
    recorded: str
    kept: int
    restored_root: bytes
    superseded: tuple[Superseded, ...] = ()
    reason: str = ""
    user_ref: str = ""
    last_signed: str = ""
    replaced_records: int | None = None

    @classmethod
    def of(cls, record: Record) -> EpochBegin | None:
        """What a record begins; None when it begins no epoch. Raises EpochInvalid."""
        told = record.fields.get("details")
        if record.type != RESTORED or not isinstance(told, dict) or "epoch" not in told:
            return None
        if _number(told, "restored_size") != record.seq:
            raise EpochInvalid("the record of a restore names another size", where="restored_size")
        return cls(
            record.seq,
            _number(told, "epoch", MAX_EPOCH),
            record.recorded,
            _number(told, "kept", record.seq),
            _root(told, "restored_root"),
            tuple(_superseded(told)),
            _text(told, "reason"),
            record.text("user_ref"),
            _text(told, "last_signed"),
            _number(told, "replaced_records") if "replaced_records" in told else None,
        )

    def details(self) -> dict[str, Any]:
        """The same as the details of a record."""
        told: dict[str, Any] = {
            "epoch": self.epoch,
            "restored_size": self.seq,
            "restored_root": self.restored_root.hex(),
            "kept": self.kept,
            "superseded": [
                {"epoch": q.epoch, "size": q.size, "root": q.root.hex(), "signed_at": q.signed_at}
                for q in self.superseded
            ],
            "reason": self.reason,
            "last_signed": self.last_signed,
        }
        known = self.replaced_records is not None
        return {**told, "replaced_records": self.replaced_records} if known else told

    def ends_before(self, signed_at: str) -> bool:
        """Whether something was signed after the restore. What names no time is not known to be."""
        at, own, last = map(time_of, (signed_at, self.recorded, self.last_signed))
        if at is None or own is None:
            return False
        return at > (max(own, last) if last else own)


@dataclass(frozen=True, slots=True)
class Epochs:
    """The epochs of one ledger after its first; the numbers grow, and may have gaps: a restored
    ledger does not have the epochs that it gave up."""

    begins: tuple[EpochBegin, ...] = ()

    @classmethod
    def of(cls, records: Iterable[bytes]) -> Epochs:
        """The epochs that these records begin, up to the first that cannot be one: verification
        names that."""
        found: list[EpochBegin] = []
        for data in records:
            if _NEEDLE not in data or (record := parse_record(data)) is None:
                continue
            try:
                begin = EpochBegin.of(record)
            except EpochInvalid:
                break
            if begin is not None:
                found.append(begin)
        rising = all(one.epoch < two.epoch for one, two in pairwise(found))
        return cls(tuple(found) if rising else ())

    @property
    def current(self) -> int:
        return self.begins[-1].epoch if self.begins else 1

    def first_after(self, epoch: int) -> EpochBegin | None:
        """The beginning of the next epoch that this ledger has."""
        return next((each for each in self.begins if each.epoch > epoch), None)

    def quotes(self, each: Checkpoint) -> bool:
        """Whether a restore gave up exactly this checkpoint."""
        return any(quoted.is_same(each) for _, quoted in self._quoted(each.epoch))

    def holds(self, each: Checkpoint) -> bool:
        """Whether this ledger must continue a checkpoint; False when a restore gave it up.

        Raises EpochDiffers when it can be neither.
        """
        if each.epoch > self.current:
            text = f"epoch {each.epoch} was signed, and this ledger ends in epoch {self.current}"
            raise EpochDiffers("epoch-later", text, each.order)
        after = self.first_after(each.epoch)
        begin = next((one for one in self.begins if one.epoch == each.epoch), None)
        if begin and each.size <= begin.seq:
            text = f"epoch {each.epoch} begins with record {begin.seq}, and the checkpoint is older"
            raise EpochDiffers("epoch-begins-later", text, each.order)
        if (begin or each.epoch == 1) and (after is None or each.size <= after.kept):
            _require_in_time(each, after)
            return True
        self._require_given_up(each)
        return False

    def _require_given_up(self, each: Checkpoint) -> None:
        quoted = [(by, one) for by, one in self._quoted(each.epoch) if one.size >= each.size]
        if not quoted:
            text = "no restore that is on record gives up this checkpoint"
            raise EpochDiffers("epoch-not-given-up", text, each.order)
        if any(one.size == each.size and one.root != each.root for _, one in quoted):
            text = "the restore names another root for the checkpoint that it gives up"
            raise EpochDiffers("epoch-root-differs", text, each.order)
        _require_in_time(each, quoted[0][0])

    def _quoted(self, epoch: int) -> Iterator[tuple[EpochBegin, Superseded]]:
        for begin in self.begins:
            yield from ((begin, one) for one in begin.superseded if one.epoch == epoch)


def _require_in_time(each: Checkpoint, ended_by: EpochBegin | None) -> None:
    if ended_by is not None and ended_by.ends_before(each.signed_at):
        text = f"epoch {each.epoch} ended at {ended_by.recorded}, and this was signed after that"
        raise EpochDiffers("epoch-signed-late", text, each.order)


def _superseded(told: dict[str, Any]) -> Iterator[Superseded]:
    listed = told.get("superseded")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise EpochInvalid("the record of a restore is not in its form", where="superseded")
    for one in listed:
        sizes = _number(one, "epoch", MAX_EPOCH), _number(one, "size")
        yield Superseded(*sizes, _root(one, "root"), _text(one, "signed_at"))


def _number(told: dict[str, Any], name: str, most: int = _MAX_SIZE) -> int:
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise EpochInvalid("the record of a restore is not in its form", where=name)
    return value


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise EpochInvalid("the record of a restore is not in its form", where=name)
    return value


def _root(told: dict[str, Any], name: str) -> bytes:
    try:
        root = bytes.fromhex(_text(told, name))
    except ValueError:
        root = b""
    if len(root) != HASH_BYTES or root.hex() != told[name]:
        raise EpochInvalid("the record of a restore has a root that is none", where=name)
    return root
