"""The cases of this site's trial, as a verifier is fitted on them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from cds_hooks.audit import Store
from cds_hooks.cli.audit_output import count_progress
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.stored_consultation import require_reason
from cds_hooks.cli.verifier_runs import LabelledRuns
from cds_hooks.consultation import Assessment, CheckedConsultation
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.evaluation.verifier.labelled import LabelledCase, from_trial
from cds_hooks.evaluation.verifier.making import Origin
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings
from cds_hooks.trial.cases import MatchLevel
from cds_hooks.trial.collecting import Collecting
from cds_hooks.trial.collection import collect
from cds_hooks.trial.report.terminology_matcher import TerminologyMatcher
from cds_hooks.verifier import ConsultationEvidence, VerifierError, evidence_of
from cds_hooks.verifier.coefficient_file import Dataset

__all__ = ["KeptEvidence", "WantedTrial", "labelled_trial", "read_trial"]


@dataclass(frozen=True, slots=True)
class WantedTrial:
    """Hooks of UTC days, both whole (`until` "" is today), of one service or of all ("")."""

    since: str
    until: str
    service: str
    level: MatchLevel
    reason: str

    @property
    def seconds(self) -> tuple[float, float]:
        """The period in UTC seconds, its end excluded. Raises UsageError."""
        first, last = _day(self.since), _day(self.until) if self.until else datetime.now(UTC)
        end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
        return datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp(), end.timestamp()


@dataclass
class KeptEvidence:
    """Keeps what a verifier would see of each consultation while cases are collected."""

    by_id: dict[str, ConsultationEvidence] = field(default_factory=dict)

    def __call__(self, found: CheckedConsultation) -> tuple[Assessment, ...]:
        """The diagnoses in the order in which they were merged: that of their evidence."""
        self.by_id[found.id] = evidence_of(found.assessments, found.differentials)
        return found.assessments


async def read_trial(settings: Settings, wanted: WantedTrial, *, json: bool) -> LabelledRuns:
    """The cases, read after the ledger has who reads them. Raises VerifierError without any."""
    forbid_dumps()
    require_reason(wanted.reason)
    period, kept = wanted.seconds, KeptEvidence()
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        told = {k: v for k, v in asdict(wanted).items() if v}
        await store.record_event("trial-collected", **told, **user_fields(settings))
        with (
            Terminology(settings.terminology.path) as terminology,
            count_progress("Reading", json=json) as counted,
        ):
            collecting = Collecting(terminology, ranked=kept)
            found = await collect(store, collecting, *period, service=wanted.service, told=counted)
            matcher = TerminologyMatcher(terminology)
            cases = tuple(from_trial(found.cases, matcher, wanted.level, kept.by_id))
    finally:
        await store.close()
    return labelled_trial(cases, wanted)


def labelled_trial(cases: tuple[LabelledCase, ...], wanted: WantedTrial) -> LabelledRuns:
    """The cases that the same models gave the same number of samples of, which are most of them.

    A verifier is of one way of asking: cases of before a change of models are left out. Raises
    VerifierError without any.
    """
    asked = Counter(case.evidence.models for case in cases if case.evidence.models)
    if not asked:
        raise VerifierError(
            "the trial has no case with an outcome and an answer",
            hint="Read outcomes first: `chartside trial outcomes`.",
        )
    models = max(asked, key=asked.__getitem__)
    alike = tuple(case for case in cases if case.evidence.models == models)
    origin = Origin(
        data=(Dataset(title="trial of this site", sha256=_sha256(alike, asdict(wanted))),),
        task="open-ended",
        match=wanted.level.value,
        models=tuple(dict.fromkeys(models)),
        samples=len(models),
    )
    return LabelledRuns(alike, origin)


def _sha256(cases: tuple[LabelledCase, ...], wanted: Mapping[str, Any]) -> str:
    """Of the period and the digests of the cases: a trial has no manifest."""
    told = {**wanted, "cases": sorted(c.case for c in cases)}
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
        _ = found + timedelta(days=1)  # the end of the last day there is cannot be told
    except (ValueError, OverflowError):
        hint = "Write it like 2026-11-22."
        raise UsageError("a day cannot be read", where="--since, --until", hint=hint) from None
    return found
