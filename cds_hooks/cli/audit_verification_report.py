"""What `chartside audit verify` prints of a ledger."""

from __future__ import annotations

from cds_hooks.audit.ledger.coverage import Coverage
from cds_hooks.audit.ledger.verification import VerificationReport
from cds_hooks.audit.ledger.verification_words import verification_json, verification_words
from cds_hooks.cli.audit_output import print_result

__all__ = ["print_verification"]


def print_verification(
    report: VerificationReport, coverage: Coverage, name: str, *, witnessed: bool, json: bool
) -> None:
    """Print up to where a ledger is whole and what is not covered, or the first bad record."""
    words = verification_words(report, coverage, witnessed=witnessed)
    result = verification_json(report, coverage, witnessed=witnessed)
    print_result(result, f"{name}: {'; '.join(words)}", json=json)
