"""What a probe says: a result, the evidence that it rests on, and a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from cds_hooks.compliance.checks.installation_facts import InstallationFacts, LedgerFacts

__all__ = ["Evidence", "Finding", "Result", "decide", "no_ledger", "record_count", "setting"]

Kind = Literal["setting", "file", "ledger", "table", "page", "test", "program"]


class Result(StrEnum):
    """NOT ASSESSED: this program cannot tell; `Check.settle` says what would."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    NOT_ASSESSED = "NOT ASSESSED"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was looked at, and what was there. Never a value from a chart."""

    kind: Kind
    what: str
    found: str = ""

    def document(self) -> dict[str, str]:
        return {"kind": self.kind, "what": self.what, "found": self.found}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a probe."""

    result: Result
    says: str
    evidence: tuple[Evidence, ...] = ()


def decide(faults: Iterable[str], good: str, *evidence: Evidence) -> Finding:
    """FAIL with the faults, or PASS with what is good."""
    found = tuple(faults)
    if found:
        return Finding(Result.FAIL, "; ".join(found), evidence)
    return Finding(Result.PASS, good, evidence)


def setting(installation: InstallationFacts, key: str, shown: Any = None) -> Evidence:
    """A setting as evidence; `shown` in place of its value."""
    value = installation.settings[key] if shown is None else shown
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value)) or "empty"
    return Evidence("setting", key, str(value) if value not in ("", None) else "unset")


def record_count(ledger: LedgerFacts) -> Evidence:
    """The ledger as evidence: how many records, from when to when."""
    span = f", {ledger.first} to {ledger.last}" if ledger.records else ""
    return Evidence("ledger", "all records", f"{ledger.records}{span}")


def no_ledger(installation: InstallationFacts) -> Finding:
    """NOT ASSESSED, for probes of the store where none was read."""
    why = installation.unread or "the store is empty"
    return Finding(Result.NOT_ASSESSED, why, (setting(installation, "store.path"),))
