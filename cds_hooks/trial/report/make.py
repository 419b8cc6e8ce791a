"""From cases to a report. Pure: the same cases, settings and generator give the same report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC
from functools import cache

import numpy as np

from cds_hooks.trial.cases import TrialCase
from cds_hooks.trial.report.accuracy import accuracy, struck_out, verdicts
from cds_hooks.trial.report.calibration import reliability
from cds_hooks.trial.report.clusters import Counted, Patients
from cds_hooks.trial.report.judged import judge
from cds_hooks.trial.report.leaks import check_leaks
from cds_hooks.trial.report.report_settings import ReportSettings
from cds_hooks.trial.report.rule_findings import rule_findings
from cds_hooks.trial.report.selection import select
from cds_hooks.trial.report.subgroups import subgroups
from cds_hooks.trial.report.time_gained import time_gained
from cds_hooks.trial.report.trial_report import Seconds, Subject, TrialReport

__all__ = ["report"]


def report(
    cases: Sequence[TrialCase], settings: ReportSettings, rng: np.random.Generator
) -> TrialReport:
    """Report on the cases of a trial, in any order. Cases are told apart by their consultation."""
    ordered = sorted(cases, key=lambda each: (each.asked, each.consultation))
    patients = Patients([each.patient for each in ordered], rng, resamples=settings.resamples)
    # Each pair of codes is compared once: codes repeat, and a site's matcher may be slow.
    settings = replace(settings, matcher=cache(settings.matcher))
    selected = select(ordered, settings.matcher, hooks=settings.hooks)
    judged = [judge(each, settings.matcher) for each in selected.judged]
    found = [each for each in judged if each.outcomes]
    level, bins = settings.level, settings.bins
    return TrialReport(
        subject=_subject(ordered),
        level=level,
        least=settings.least,
        leaks=check_leaks(ordered, settings.matcher),
        coverage=selected.coverage,
        accuracy=accuracy(found, patients),
        struck_out=struck_out(judged, level, patients),
        verdicts=verdicts(judged, level, patients),
        votes=reliability(judged, lambda p: p.agreement, level, patients, rng, bins=bins),
        probabilities=reliability(judged, lambda p: p.probability, level, patients, rng, bins=bins),
        rules=rule_findings(judged, settings, patients),
        time_gained=time_gained(found, ordered, settings.matcher, level, patients),
        subgroups=subgroups(found, level, settings.least, patients),
        seconds=_seconds(ordered, patients),
    )


def _subject(cases: Sequence[TrialCase]) -> Subject:
    days = [each.asked.astimezone(UTC).date().isoformat() for each in cases]
    return Subject(
        first=min(days, default=""),
        last=max(days, default=""),
        services=_counts(each.service for each in cases),
        models=_counts(each.model for each in cases),
        settings=_counts(each.settings for each in cases),
        silent=sum(each.silent for each in cases),
    )


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _seconds(cases: Sequence[TrialCase], patients: Patients) -> Seconds:
    timed = [Counted(c.patient, c.seconds) for c in cases if c.seconds is not None]
    return Seconds(
        median=patients.quantile(timed, 0.5),
        ninety=patients.quantile(timed, 0.9),
        mean=patients.mean(timed),
    )
