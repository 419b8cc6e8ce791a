"""The epochs of a ledger in words and as JSON: for the command and the reviewer's desk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.epochs import EpochBegin

__all__ = ["epoch_words", "epochs_json"]


def epochs_json(
    begins: Iterable[EpochBegin], given_up: Iterable[Checkpoint]
) -> list[dict[str, Any]]:
    """JSON values; `given_up` are a witness's checkpoints: `witnessed` tells which it has."""
    orders = {each.order for each in given_up}
    return [_epoch(each, orders) for each in begins]


def epoch_words(
    begins: Iterable[EpochBegin], given_up: Iterable[Checkpoint], *, witnessed: bool
) -> tuple[str, ...]:
    """For each epoch that a restore began: when, by whom, what was kept and given up, and why."""
    orders, before, lines = {each.order for each in given_up}, 1, []
    for each in begins:
        parts = [
            f"Epoch {each.epoch} begins with record {each.seq}: the store was restored at "
            f'{each.recorded}{_by(each)}. Reason given: "{each.reason}".',
            f"{_kept(each, before)}; {_given_up(each, before)}.",
        ]
        if witnessed and any((one.epoch, one.size) not in orders for one in each.superseded):
            parts.append("The witness given here does not have each checkpoint that it names.")
        # An export may be anybody's: nothing in it moves the cursor of who reads it.
        lines.append("".join(sign if sign.isprintable() else "?" for sign in " ".join(parts)))
        before = each.epoch
    return tuple(lines)


def _by(each: EpochBegin) -> str:
    return f" by {each.user_ref}" if each.user_ref else ""


def _kept(each: EpochBegin, before: int) -> str:
    text = f"{each.kept} records of epoch {before} were kept"
    written = each.seq - each.kept
    return f"{text}, {written} more were written unsigned before it began" if written else text


def _given_up(each: EpochBegin, before: int) -> str:
    of_before = [one for one in each.superseded if one.epoch == before]
    others = sorted({one.epoch for one in each.superseded} - {before})
    signed = max((one.size for one in of_before), default=each.kept)
    parts = [f"{signed - each.kept} signed records were given up"]
    if of_before:
        newest = max(of_before, key=lambda one: one.size)
        at = f", signed at {newest.signed_at}" if newest.signed_at else ""
        parts[0] += f" (up to the checkpoint of {newest.size} records{at})"
    if each.replaced_records is not None and not others and each.replaced_records > signed:
        parts.append(f"{each.replaced_records - signed} that were not signed yet")
    if others:
        listed = ", ".join(str(one) for one in others)
        parts.append(f"the records of epoch {listed}")
    return ", and ".join(parts)


def _epoch(each: EpochBegin, orders: set[tuple[int, int]]) -> dict[str, Any]:
    return {
        "epoch": each.epoch,
        "seq": each.seq,
        "recorded": each.recorded,
        "user_ref": each.user_ref,
        "reason": each.reason,
        "kept": each.kept,
        "replaced_records": each.replaced_records,
        "superseded": [
            {
                "epoch": one.epoch,
                "size": one.size,
                "root": one.root.hex(),
                "signed_at": one.signed_at,
                "witnessed": (one.epoch, one.size) in orders,
            }
            for one in each.superseded
        ],
    }
