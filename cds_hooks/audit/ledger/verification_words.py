"""What a verification found, in words and as JSON: for the command and the reviewer's desk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_hooks.audit.ledger.coverage import Coverage
from cds_hooks.audit.ledger.epoch_words import epochs_json
from cds_hooks.audit.ledger.verification import VerificationFailure, VerificationReport

__all__ = ["verification_json", "verification_words"]


def verification_json(
    report: VerificationReport, coverage: Coverage, *, witnessed: bool
) -> dict[str, Any]:
    """JSON values: up to where a ledger is whole and what is not covered, or the first bad
    record."""
    if (failure := report.failure) is not None:
        result = {"first_bad": failure.seq, "code": failure.code, "text": failure.text}
        return {"whole": False, "records": report.records, **result, **_epochs(report, coverage)}
    result = {**_counts(report, coverage), "root": report.root.hex()}
    return {"whole": True, "witnessed": witnessed, **result}


def verification_words(
    report: VerificationReport, coverage: Coverage, *, witnessed: bool
) -> tuple[str, ...]:
    """The same in words; the first of them says whether it is whole."""
    if (failure := report.failure) is not None:
        return (_failed(failure),)
    text = f"whole up to {report.covered} records" + _at(report.signed_at)
    return (text, *_details(report, coverage, witnessed=witnessed))


def _epochs(report: VerificationReport, coverage: Coverage) -> dict[str, Any]:
    return {"epochs": epochs_json(report.epochs, coverage.given_up)}


def _failed(failure: VerificationFailure) -> str:
    return f"NOT whole. First record not attested: {failure.seq} ({failure.text})"


def _counts(report: VerificationReport, coverage: Coverage) -> dict[str, Any]:
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
        **_epochs(report, coverage),
    }


def _details(report: VerificationReport, coverage: Coverage, *, witnessed: bool) -> Iterator[str]:
    yield (
        "1 signed checkpoint"
        if report.checkpoints == 1
        else (f"{report.checkpoints} signed checkpoints")
    )
    if uncovered := report.records - report.covered:
        records = "1 record is" if uncovered == 1 else f"{uncovered} records are"
        yield f"{records} newer than the last one"
    if coverage.end is not None:
        yield f"exported{_at(coverage.end.exported_at)}"
    if coverage.later:
        newest = max(coverage.later, key=lambda each: each.order)
        epoch = f" in epoch {newest.epoch}" if newest.epoch > 1 else ""
        yield (
            f"{len(coverage.later)} later checkpoints of the witness are not covered by this "
            f"export (the newest: {newest.size} records{epoch}{_at(newest.signed_at)})"
        )
    if report.epochs:
        times = len(report.epochs)
        restored = "restored once" if times == 1 else f"restored {times} times"
        yield f"{restored}, now in epoch {report.epochs[-1].epoch}"
    if coverage.given_up:
        count = len(coverage.given_up)
        yield f"{count} checkpoints of the witness are of records that a restore gave up"
    if coverage.unknown:
        yield f"{coverage.unknown} larger checkpoints of the witness are not of the keys given"
    if not witnessed:
        yield "without a witness, records cut off at the end are not seen"


def _at(time: str) -> str:
    return f" at {time}" if time else ""
