"""Checks of an installation against rules that bind hospitals: the clause, the evidence, a result.

A result is about the evidence that was looked at and nothing more: whether a site complies is for
the site and its counsel to say. Checks are data (`data/*.toml`), probes pure functions.
"""

from __future__ import annotations

from cds_hooks.compliance.checks.catalogue import PROFILES, Check, Profile, profile
from cds_hooks.compliance.checks.finding import Evidence, Finding, Result
from cds_hooks.compliance.checks.installation_facts import (
    InstallationFacts,
    LedgerFacts,
    ServiceFacts,
    StoreFacts,
)
from cds_hooks.compliance.checks.report import ProfileReport, check_profile

__all__ = [
    "PROFILES",
    "Check",
    "Evidence",
    "Finding",
    "InstallationFacts",
    "LedgerFacts",
    "Profile",
    "ProfileReport",
    "Result",
    "ServiceFacts",
    "StoreFacts",
    "check_profile",
    "profile",
]
