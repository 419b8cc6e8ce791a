"""What `chartside audit verify` prints of a ledger."""

from __future__ import annotations

from cds_hooks.audit.ledger.coverage import Coverage
from cds_hooks.audit.ledger.epoch_words import epoch_words
from cds_hooks.audit.ledger.verification import VerificationReport
from cds_hooks.audit.ledger.verification_words import verification_json, verification_words
from cds_hooks.cli.audit_output import print_result

__all__ = ["print_verification", "unknown_epochs"]


def unknown_epochs(report: VerificationReport, coverage: Coverage, known: int | None) -> list[int]:
    """The epochs after the last that the reviewer knows, of the ledger or of later checkpoints of
    the witness; of a reviewer who says nothing of that, none."""
    if known is None:
        return []
    found = {each.epoch for each in report.epochs} | {each.epoch for each in coverage.later}
    return sorted(each for each in found if each > known)


def print_verification(
    report: VerificationReport,
    coverage: Coverage,
    name: str,
    *,
    witnessed: bool,
    epoch_known: int | None,
    json: bool,
) -> None:
    """Print up to where a ledger is whole and what is not covered, or the first bad record; then
    each epoch that a restore began."""
    words = verification_words(report, coverage, witnessed=witnessed)
    result = verification_json(report, coverage, witnessed=witnessed)
    lines = [f"{name}: {'; '.join(words)}"]
    lines += epoch_words(report.epochs, coverage.given_up, witnessed=witnessed)
    if epoch_known is not None:
        unknown = unknown_epochs(report, coverage, epoch_known)
        result["unknown_epochs"] = unknown
        listed = ", ".join(str(each) for each in unknown)
        lines += [f"NOT expected: epoch {listed}. You know of none after {epoch_known}."] * bool(
            unknown
        )
    print_result(result, "\n".join(lines), json=json)
