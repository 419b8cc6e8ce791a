"""Cases of a trial for `chartside tune prepare`; on record before and after."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.progress import track

from cds_hooks.audit import Store
from cds_hooks.cli import show
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.stored_consultation import require_reason
from cds_hooks.consultation import CheckedConsultation
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.plausibility import Terminology
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.operator import user_fields
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings
from cds_hooks.trial.collecting import Collecting
from cds_hooks.trial.collection import collect
from cds_hooks.tuning.from_trial import TrialDrafts
from cds_hooks.tuning.manifest import MANIFEST, SourceFacts

__all__ = ["read_trial", "record_set", "trial_source"]


async def read_trial(settings: Settings, since: str, until: str, reason: str) -> TrialDrafts:
    """Drafts of the trial's consultations of these days (UTC, both whole), silent ones too.

    Who reads them and why is in the ledger first; what cannot be read is counted. Raises
    UsageError without a reason, StoreUnavailable.
    """
    if not reason.strip():
        hint = "Say why patients' cases are taken for training; nothing of a patient."
        raise UsageError("--trial needs --reason", where="--reason", hint=hint)
    require_reason(reason)
    forbid_dumps()
    first, last = _day(since, "--since"), _day(until or _today(), "--until")
    begin, end = (_seconds(day) for day in (first, last + timedelta(days=1)))
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        period = {"since": first.isoformat(), "until": last.isoformat()}
        who = user_fields(settings)
        await store.record_event("training-cases-read", **period, reason=reason, **who)
        with Terminology(settings.terminology.path) as terminology:
            return await _drafts(store, terminology, begin, end)
    finally:
        await store.close()


async def _drafts(store: Store, terminology: Terminology, begin: float, end: float) -> TrialDrafts:
    made = TrialDrafts(terminology)
    collected = await collect(store, Collecting(terminology), begin, end)
    console = show.screen(json=True)
    for case in track(collected.cases, "reading", console=console, disable=not sys.stderr.isatty()):
        found = await store.silent.get(case.answered_in) or await store.get(case.answered_in)
        if isinstance(found, CheckedConsultation):
            made.add(case, found)
        else:
            made.dropped["no-answer"] += 1
    for reason, count in (("unread", collected.unread), ("erased", collected.erased)):
        if count:
            made.dropped[reason] += count
    return made


async def record_set(settings: Settings, folder: Path, examples: dict[str, int]) -> None:
    """Write into the ledger which set was made of a trial's cases."""
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    store = Store(store_config(settings), site_key(settings))
    await store.open()
    try:
        fields: dict[str, Any] = {"manifest_sha256": digest, "examples": examples}
        await store.record_event("training-set-made", **fields, **user_fields(settings))
    finally:
        await store.close()


def trial_source(made: TrialDrafts) -> SourceFacts:
    """What a manifest says of a trial: a digest of its cases' digests."""
    digests = "\n".join(sorted(d for draft in made.drafts for d in draft.digests))
    return SourceFacts(
        id="trial",
        kind="trial",
        sha256=hashlib.sha256(digests.encode()).hexdigest(),
        cases=len(made.drafts),
        origin=f"this site's store, chartside {version('chartside')}",
        licence="the site's own data",
    )


def _day(text: str, option: str) -> date:
    try:
        found = date.fromisoformat(text)
        _ = found + timedelta(days=1)  # the end of the last day there is cannot be told
    except (ValueError, OverflowError):
        raise UsageError("not a day", where=option, hint="Write YYYY-MM-DD.") from None
    return found


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _seconds(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
