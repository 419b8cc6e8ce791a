"""The checks as data: ids are stable and whole, and what they name exists."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from cds_hooks.compliance.checks import PROFILES, Check, InstallationFacts, check_profile, profile
from cds_hooks.compliance.checks.catalogue import PROBES

ROOT = Path(__file__).resolve().parents[2]
ALL = [check for name in PROFILES for check in profile(name).checks]
PREFIX = {"hipaa": "HIPAA-", "fda": "FDA-CDS-", "hti1": "HTI1-", "aiact": "AIACT-"}
# Ids that reviewers may have quoted: these stay, whatever is added.
STABLE = {"HIPAA-312-A-1", "HIPAA-312-B-1", "HIPAA-312-E-2", "FDA-CDS-4-C", "AIACT-19-1"}


@cache
def _names_of(file: str) -> set[str]:
    text = (ROOT / file).read_text("utf-8")
    return set(re.findall(r"^(?:async )?def (\w+)", text, re.MULTILINE))


def test_ids_are_stable_and_none_is_there_twice() -> None:
    ids = [check.id for check in ALL]
    assert len(set(ids)) == len(ids)
    assert set(ids) >= STABLE
    for name in PROFILES:
        assert all(check.id.startswith(PREFIX[name]) for check in profile(name).checks)


@pytest.mark.parametrize("check", ALL, ids=lambda each: each.id)
def test_what_a_check_names_exists(check: Check) -> None:
    assert not check.probe or check.probe in PROBES
    assert bool(check.mend) == bool(check.probe)
    assert check.settle
    for file, _, test in (each.partition("::") for each in check.tests):
        assert test in _names_of(file), f"{file}::{test}"
    for page in check.pages:
        assert (ROOT / page).is_file(), page


def test_every_probe_serves_a_check() -> None:
    assert {check.probe for check in ALL if check.probe} == set(PROBES)


def test_each_clause_has_its_source_and_the_day_of_its_last_check() -> None:
    official = ("https://www.ecfr.gov/", "https://www.fda.gov/", "https://eur-lex.europa.eu/")
    for check in ALL:
        assert check.source.startswith(official), check.id
        assert date(2026, 1, 1) <= check.checked <= date(2026, 11, 29), check.id
    for name in PROFILES:
        chosen = profile(name)
        assert chosen.binds
        assert chosen.beyond
        assert "not opened" in chosen.how_checked


def test_no_result_is_a_bare_claim_of_compliance(good: InstallationFacts) -> None:
    for name in PROFILES:
        for installation in (good, replace(good, ledger=None, store=None)):
            report = check_profile(profile(name), installation)
            told = " ".join(finding.says for _, finding in report.findings)
            assert not re.search(r"\bcompl(y|ies|iant|iance)\b", told, re.IGNORECASE)


def test_another_profile_is_an_error() -> None:
    with pytest.raises(KeyError):
        profile("gdpr")
