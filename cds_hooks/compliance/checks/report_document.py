"""The findings of profiles as a document that a reviewer keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_hooks.compliance.checks.catalogue import Check
from cds_hooks.compliance.checks.finding import Finding, Result
from cds_hooks.compliance.checks.report import NOTICE, ProfileReport
from cds_hooks.documents import Document, Section, Source, Table

__all__ = ["report_document"]

_HEADS = ("Check", "Asks", "Result", "Evidence", "Shown by, and what is next")


def report_document(
    reports: Sequence[ProfileReport], made_at: str, version: str, subject: str, profile: str
) -> Document:
    """One section for each profile; `profile` is that of the settings, demo or production."""
    about = [NOTICE, f"The settings are of the {profile} profile."]
    return Document(
        name="compliance-check",
        title="An installation compared with rules",
        made_at=made_at,
        version=version,
        subject=subject,
        about=tuple(about),
        sections=tuple(map(_section, reports)),
        sources=tuple(map(_source, reports)),
    )


def _section(report: ProfileReport) -> Section:
    chosen = report.profile
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    text = (
        counts,
        f"Binds: {chosen.binds}",
        f"State: {chosen.state}",
        f"Clauses: {chosen.how_checked}",
        f"Not looked at: {chosen.beyond}",
    )
    rows = tuple(_row(check, finding) for check, finding in report.findings)
    return Section(chosen.title, text, tables=(Table(_HEADS, rows),))


def _row(check: Check, finding: Finding) -> tuple[str, ...]:
    evidence = "; ".join(
        f"{each.kind}: {each.what} = {each.found}" if each.found else each.what
        for each in finding.evidence
    )
    result = f"{finding.result.value}: {finding.says}"
    return (
        check.id,
        f"{check.clause}: {check.requires}",
        result,
        evidence or "none",
        " ".join(_next(check, finding)),
    )


def _next(check: Check, finding: Finding) -> Iterator[str]:
    if shown := (*check.tests, *check.pages):
        yield f"Shown by {', '.join(shown)}."
    if finding.result is Result.NOT_ASSESSED:
        yield f"Would settle it: {check.settle}"
    elif finding.result is Result.FAIL:
        yield f"To do: {check.mend}"


def _source(report: ProfileReport) -> Source:
    chosen = report.profile
    return Source(chosen.title, "", chosen.state_source, chosen.checked.isoformat(), chosen.state)
