"""Whatever is done to a ledger of ten thousand records, anywhere, is found."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.ledger.ledgers import KEY, OTHER_KEY, Made, made, rechained, signed, verified

COUNT = 10_000
SIZES = [*range(1000, COUNT, 1000), COUNT]
PLACES = 6


@pytest.fixture(scope="module")
def ledger() -> Made:
    return made(COUNT, SIZES)


def edited(line: bytes) -> bytes:
    assert b'"answered"' in line
    return line.replace(b'"answered"', b'"anSwered"', 1)


def edit(lines: list[bytes], at: int, _: random.Random) -> list[bytes]:
    return [*lines[:at], edited(lines[at]), *lines[at + 1 :]]


def swap(lines: list[bytes], at: int, dice: random.Random) -> list[bytes]:
    other = dice.randrange(at + 1, len(lines))
    changed = list(lines)
    changed[at], changed[other] = lines[other], lines[at]
    return changed


def delete(lines: list[bytes], at: int, _: random.Random) -> list[bytes]:
    return [*lines[:at], *lines[at + 1 :]]


def insert(lines: list[bytes], at: int, dice: random.Random) -> list[bytes]:
    return [*lines[:at], edited(dice.choice(lines)), *lines[at:]]


CHANGES = (edit, swap, delete, insert)
Change = Callable[[list[bytes], int, random.Random], list[bytes]]


def places(dice: random.Random) -> list[int]:
    """Somewhere, and where a careless check looks last: both ends and beside a checkpoint."""
    return [0, 999, 1000, COUNT - 2, *(dice.randrange(COUNT - 1) for _ in range(PLACES))]


def test_an_untouched_ledger_is_whole(ledger: Made) -> None:
    report = verified(ledger.lines, ledger.notes)
    assert (report.records, report.covered, report.checkpoints) == (COUNT, COUNT, len(SIZES))
    assert report.is_whole


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found_at_its_record(ledger: Made, change: Change) -> None:
    dice = random.Random(change.__name__)
    for at in places(dice):
        report = verified(change(ledger.lines, at, dice), ledger.notes)
        assert report.failure is not None
        assert report.failure.seq == at


def test_an_edit_of_the_last_record_is_found(ledger: Made) -> None:
    report = verified(edit(ledger.lines, COUNT - 1, random.Random(0)), ledger.notes)
    assert report.failure is not None
    assert SIZES[-2] <= report.failure.seq < COUNT


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_with_the_rest_rewritten_to_fit_is_found_from_the_last_good_checkpoint(
    ledger: Made, change: Change
) -> None:
    dice = random.Random(change.__name__)
    for at in places(dice)[1:5]:
        changed = rechained(change(ledger.lines, at, dice))
        report = verified(changed, ledger.notes)
        assert report.failure is not None
        good = max(size for size in (0, *SIZES) if size <= at)
        # With one record less, the last checkpoint also tells of one that is missing.
        assert report.failure.seq == good or report.failure.code == "truncated"


def test_truncation_is_found_with_the_checkpoint_that_the_witness_kept(ledger: Made) -> None:
    dice = random.Random("truncation")
    for at in (0, 1, 999, 1000, COUNT - 1, *(dice.randrange(COUNT) for _ in range(PLACES))):
        kept = [note for note, size in zip(ledger.notes, SIZES, strict=True) if size <= at]
        without = verified(ledger.lines[:at], kept)
        assert without.is_whole or (without.failure and without.failure.code == "unsigned")
        report = verified(ledger.lines[:at], [*kept, ledger.notes[-1]])
        assert report.failure is not None
        assert (report.failure.code, report.failure.seq) == ("truncated", at)


def test_truncation_with_something_else_grown_in_its_place_is_found(ledger: Made) -> None:
    changed = rechained([*ledger.lines[:5500], *map(edited, ledger.lines[5500:])])
    report = verified(changed, [*ledger.notes[:5], ledger.notes[-1]])
    assert report.failure is not None
    assert report.failure.seq == 5000


def test_a_ledger_signed_again_with_another_key_is_found(ledger: Made) -> None:
    dice = random.Random("again")
    for at in places(dice)[2:5]:
        changed = rechained(edit(ledger.lines, at, dice))
        again = signed(changed, SIZES, OTHER_KEY)
        report = verified(changed, again)
        assert report.failure is not None
        assert (report.failure.code, report.failure.seq) == ("signature", 0)
        mixed = [*ledger.notes[:3], *again[3:]]
        report = verified(changed, mixed)
        assert report.failure is not None
        assert report.failure.seq <= max(at, 3000)
    assert verified(ledger.lines, ledger.notes, OTHER_KEY.public).failure is not None


def test_two_histories_signed_by_the_same_key_are_found(ledger: Made) -> None:
    """Whoever has the key rewrites what the witness has seen signed."""
    changed = rechained(edit(ledger.lines, 4321, random.Random(0)))
    rewritten = signed(changed, SIZES, KEY)
    assert verified(changed, rewritten).is_whole
    report = verified(changed, [*rewritten, ledger.notes[6]])
    assert report.failure is not None


def test_a_ledger_without_any_checkpoint_is_not_called_whole(ledger: Made) -> None:
    report = verified(ledger.lines, [])
    assert report.failure is not None
    assert report.failure.code == "unsigned"
