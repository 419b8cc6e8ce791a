"""All checks of a profile on one installation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds_hooks.compliance.checks.catalogue import PROBES, Check, Profile
from cds_hooks.compliance.checks.finding import Finding, Result
from cds_hooks.compliance.checks.installation_facts import InstallationFacts

__all__ = ["NOTICE", "ProfileReport", "check_profile"]

NOTICE = (
    "Each result is about the evidence beside it and nothing more. Whether the site complies is "
    "for the site and its counsel to say; clauses are in our own words, and their sources decide."
)


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """The findings of a profile, in the order of its checks."""

    profile: Profile
    findings: tuple[tuple[Check, Finding], ...]

    @property
    def counts(self) -> Mapping[str, int]:
        found = Counter(finding.result for _, finding in self.findings)
        return {result.value: found[result] for result in Result}

    @property
    def has_failed(self) -> bool:
        return any(finding.result is Result.FAIL for _, finding in self.findings)

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        head = self.profile.model_dump(mode="json", exclude={"checks"})
        return {**head, "counts": dict(self.counts), "checks": [*map(_document, self.findings)]}


def check_profile(chosen: Profile, installation: InstallationFacts) -> ProfileReport:
    """Run every check of the profile."""
    found = tuple((check, _finding(check, installation)) for check in chosen.checks)
    return ProfileReport(chosen, found)


def _finding(check: Check, installation: InstallationFacts) -> Finding:
    if not check.probe:
        return Finding(Result.NOT_ASSESSED, "only the site can say")
    return PROBES[check.probe](installation)


def _document(found: tuple[Check, Finding]) -> dict[str, Any]:
    check, finding = found
    told = check.model_dump(mode="json")
    advice = {
        "settle": check.settle if finding.result is Result.NOT_ASSESSED else "",
        "mend": check.mend if finding.result is Result.FAIL else "",
    }
    return {
        **told,
        **advice,
        "result": finding.result.value,
        "says": finding.says,
        "evidence": [each.document() for each in finding.evidence],
    }
