"""What `chartside audit verify` prints of a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_hooks.audit.ledger.coverage import Coverage
from cds_hooks.audit.ledger.verification import VerificationFailure, VerificationReport
from cds_hooks.cli.audit_output import print_result

__all__ = ["print_verification"]


def print_verification(
    report: VerificationReport, coverage: Coverage, name: str, *, witnessed: bool, json: bool
) -> None:
    """Print up to where a ledger is whole and what is not covered, or the first bad record."""
    if (failure := report.failure) is not None:
        _print_failure(report, failure, name, json=json)
        return
    text = f"{name}: whole up to {report.covered} records" + _at(report.signed_at)
    parts = [text, *_details(report, coverage, witnessed=witnessed)]
    result = {**_counts(report, coverage), "root": report.root.hex()}
    print_result({"whole": True, "witnessed": witnessed, **result}, "; ".join(parts), json=json)


def _print_failure(
    report: VerificationReport, failure: VerificationFailure, name: str, *, json: bool
) -> None:
    result = {"first_bad": failure.seq, "code": failure.code, "text": failure.text}
    text = f"{name}: NOT whole. First record not attested: {failure.seq} ({failure.text})"
    print_result({"whole": False, "records": report.records, **result}, text, json=json)


def _counts(report: VerificationReport, coverage: Coverage) -> dict[str, Any]:
    newest = max(coverage.later, key=lambda each: each.size, default=None)
    return {
        "records": report.records,
        "covered": report.covered,
        "signed_at": report.signed_at,
        "checkpoints": report.checkpoints,
        "exported_at": coverage.end.exported_at if coverage.end else "",
        "later_checkpoints": len(coverage.later),
        "later_of_other_keys": coverage.unknown,
        "newest_witnessed": {"size": newest.size, "signed_at": newest.signed_at}
        if newest
        else None,
    }


def _details(report: VerificationReport, coverage: Coverage, *, witnessed: bool) -> Iterator[str]:
    yield f"{report.checkpoints} signed checkpoints"
    if uncovered := report.records - report.covered:
        yield f"{uncovered} records are newer than the last one"
    if coverage.end is not None:
        yield f"exported{_at(coverage.end.exported_at)}"
    if coverage.later:
        newest = max(coverage.later, key=lambda each: each.size)
        yield (
            f"{len(coverage.later)} later checkpoints of the witness are not covered by this "
            f"export (the newest: {newest.size} records{_at(newest.signed_at)})"
        )
    if coverage.unknown:
        yield f"{coverage.unknown} larger checkpoints of the witness are not of the keys given"
    if not witnessed:
        yield "without a witness, records cut off at the end are not seen"


def _at(time: str) -> str:
    return f" at {time}" if time else ""
