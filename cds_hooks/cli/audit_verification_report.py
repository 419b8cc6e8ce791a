"""What `chartside audit verify` prints of a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cds_hooks.audit.ledger.coverage import Coverage
from cds_hooks.audit.ledger.epochs import EpochBegin
from cds_hooks.audit.ledger.verification import VerificationFailure, VerificationReport
from cds_hooks.cli.audit_output import print_result

__all__ = ["Told", "print_verification"]


@dataclass(frozen=True, slots=True)
class Told:
    """What was found, whether a witness was asked, and the last epoch that the reviewer knows."""

    report: VerificationReport
    coverage: Coverage
    witnessed: bool
    epoch_known: int | None = None

    @property
    def unknown_epochs(self) -> list[int]:
        """Epochs that the reviewer does not know; of one who says nothing of that, none."""
        known = self.epoch_known
        return [each.epoch for each in self.report.epochs if known and each.epoch > known]


def print_verification(told: Told, name: str, *, json: bool) -> None:
    """Print up to where a ledger is whole, what is not covered, and each epoch of it."""
    report = told.report
    result = {**_counts(told), "epochs": [_epoch(each, told) for each in report.epochs]}
    lines = [_describe(each, before, told) for before, each in _with_before(report)]
    if (failure := report.failure) is not None:
        _print_failure(told, failure, name, lines, json=json)
        return
    text = f"{name}: whole up to {report.covered} records" + _at(report.signed_at)
    lines = ["; ".join([text, *_details(told)]), *lines]
    if told.unknown_epochs:
        lines.append(_unknown(told))
    result = {"whole": True, "witnessed": told.witnessed, **result, "root": report.root.hex()}
    unknown = {"unknown_epochs": told.unknown_epochs} if told.epoch_known else {}
    print_result({**result, **unknown}, "\n".join(lines), json=json)


def _print_failure(
    told: Told, failure: VerificationFailure, name: str, lines: list[str], *, json: bool
) -> None:
    result = {"first_bad": failure.seq, "code": failure.code, "text": failure.text}
    text = f"{name}: NOT whole. First record not attested: {failure.seq} ({failure.text})"
    epochs = {"epochs": [_epoch(each, told) for each in told.report.epochs]}
    whole = {"whole": False, "records": told.report.records, **result, **epochs}
    print_result(whole, "\n".join([text, *lines]), json=json)


def _counts(told: Told) -> dict[str, Any]:
    report, coverage = told.report, told.coverage
    newest = max(coverage.later, key=lambda each: each.order, default=None)
    return {
        "records": report.records,
        "covered": report.covered,
        "signed_at": report.signed_at,
        "checkpoints": report.checkpoints,
        "exported_at": coverage.end.exported_at if coverage.end else "",
        "later_checkpoints": len(coverage.later),
        "later_of_other_keys": coverage.unknown,
        "given_up_checkpoints": len(coverage.given_up),
        "newest_witnessed": {"size": newest.size, "signed_at": newest.signed_at}
        if newest
        else None,
    }


def _details(told: Told) -> Iterator[str]:
    report, coverage = told.report, told.coverage
    yield f"{report.checkpoints} signed checkpoints"
    if uncovered := report.records - report.covered:
        yield f"{uncovered} records are newer than the last one"
    if coverage.end is not None:
        yield f"exported{_at(coverage.end.exported_at)}"
    if coverage.later:
        newest = max(coverage.later, key=lambda each: each.order)
        epoch = f" in epoch {newest.epoch}" if newest.epoch > 1 else ""
        yield (
            f"{len(coverage.later)} later checkpoints of the witness are not covered by this "
            f"export (the newest: {newest.size} records{epoch}{_at(newest.signed_at)})"
        )
    if coverage.given_up:
        yield f"{len(coverage.given_up)} checkpoints of the witness are of records given up below"
    if coverage.unknown:
        yield f"{coverage.unknown} larger checkpoints of the witness are not of the keys given"
    if not told.witnessed:
        yield "without a witness, records cut off at the end are not seen"


def _with_before(report: VerificationReport) -> Iterator[tuple[int, EpochBegin]]:
    """Each epoch with the number of the one that the restored ledger was in."""
    before = 1
    for each in report.epochs:
        yield before, each
        before = each.epoch


def _describe(each: EpochBegin, before: int, told: Told) -> str:
    """One epoch for a person: when, by whom, what was kept and given up, and why."""
    by = f" by {each.user_ref}" if each.user_ref else ""
    parts = [
        f"Epoch {each.epoch} begins with record {each.seq}: the store was restored at "
        f'{each.recorded}{by}. Reason given: "{each.reason}".',
        f"{each.kept} records of epoch {before} were kept",
    ]
    if written := each.seq - each.kept:
        parts[-1] += f", {written} more were written before the epoch began"
    parts[-1] += f"; {_given_up(each, before)}."
    at_witness = {one.order for one in told.coverage.given_up}
    if told.witnessed and any((one.epoch, one.size) not in at_witness for one in each.superseded):
        parts.append("The witness given here does not have every checkpoint that it names.")
    # An export may be anybody's: nothing in it moves the cursor of who reads it.
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(parts))


def _given_up(each: EpochBegin, before: int) -> str:
    of_before = [one for one in each.superseded if one.epoch == before]
    others = sorted({one.epoch for one in each.superseded} - {before})
    signed = max((one.size for one in of_before), default=each.kept)
    parts = [f"{signed - each.kept} signed ones were given up"]
    if of_before:
        newest = max(of_before, key=lambda one: one.size)
        parts[0] += f" (the last checkpoint had {newest.size}{_at(newest.signed_at)})"
    if each.replaced_records is not None and not others and each.replaced_records > signed:
        parts.append(f"{each.replaced_records - signed} that were not signed yet")
    if others:
        given = ", ".join(str(one) for one in others)
        parts.append(f"all records of epoch {given} were given up")
    return ", and ".join(parts)


def _epoch(each: EpochBegin, told: Told) -> dict[str, Any]:
    names = {one.order for one in told.coverage.given_up}
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
                "witnessed": (one.epoch, one.size) in names,
            }
            for one in each.superseded
        ],
    }


def _unknown(told: Told) -> str:
    listed = ", ".join(str(each) for each in told.unknown_epochs)
    return f"NOT expected: epoch {listed}. You know of epoch {told.epoch_known} and none after it."


def _at(time: str) -> str:
    return f" at {time}" if time else ""
