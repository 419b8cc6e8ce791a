"""What the reviewer's questions are answered from: settings, and counts of the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from cds_hooks.audit import SiteKey, tables
from cds_hooks.audit.encryption import ERASED
from cds_hooks.audit.ledger import checkpoint, checkpoint_storage, storage
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.source import LedgerSource, store_source
from cds_hooks.audit.legal_holds import active_holds
from cds_hooks.audit.store_config import open_database
from cds_hooks.audit.switches import ALL_SERVICES, SwitchedOff, switched_off
from cds_hooks.compliance.questions import QuestionFacts, SwitchState
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.configs import services_of, store_config
from cds_hooks.runtime.egress import of_service
from cds_hooks.runtime.installation_facts import admitted_for
from cds_hooks.runtime.records import find_key
from cds_hooks.settings import Settings
from cds_hooks.trust.egress import DestinationInvalid
from prompts import visible

__all__ = ["Verified", "question_facts"]

Verified = Callable[[LedgerSource], tuple[str, str]]
"""From the ledger to what its verification found, and what is wrong with it."""

_DIGITS = 12


def question_facts(
    settings: Settings, verified: Verified, key: SiteKey | None = None
) -> QuestionFacts:
    """The facts of an installation, whether or not its service runs; nothing is created.

    `key` is the site key where it is open already. Raises SettingsError.
    """
    facts = _of_settings(settings)
    place = settings.store.path
    if "://" not in place and not Path(place).is_file():
        return replace(facts, unread="the service never ran with these settings")
    try:
        opened = key or find_key(settings).key
        database = open_database(store_config(settings), opened, time.time)
    except ChartsideError as error:
        return replace(facts, unread=f"{error.message} ({error.code})")
    try:
        with database.read() as connection:
            return _with_store(facts, connection, settings, verified)
    except ChartsideError as error:
        return replace(facts, unread=f"{error.message} ({error.code})")
    finally:
        database.close()


def _of_settings(settings: Settings) -> QuestionFacts:
    kept, runs = settings.retention, settings.documents.evaluations
    return QuestionFacts(
        at=format_utc(time.time()),
        profile=settings.profile,
        services=tuple(each.id for each in services_of(settings)),
        users=settings.ledger.users,
        destinations=tuple(_destinations(settings)),
        locked=settings.egress.lock,
        model="a model that no start has recorded yet",
        template="of this version",
        program=f"Chartside {version('chartside')}",
        kept={
            "consultations": kept.consultations_days,
            "feedback": kept.feedback_days,
            "statistics": kept.statistics_days,
        },
        witnesses=tuple(_witnesses(settings)),
        evaluations=len(list(runs.glob("*/manifest.json"))) if runs else 0,
        admitted_for=admitted_for(settings),
    )


def _destinations(settings: Settings) -> Iterator[tuple[str, str, bool]]:
    try:
        for each in of_service(settings):
            yield str(each), each.setting, each.here or each.scheme == "unix"
    except DestinationInvalid as error:
        yield "an address that is none", error.where, False


def _witnesses(settings: Settings) -> Iterator[str]:
    if settings.ledger.witness_folder:
        yield str(settings.ledger.witness_folder)
    if settings.ledger.witness_syslog:
        yield "the system's log"
    if settings.witness.fhir_server:
        yield str(settings.witness.fhir_server)


def _with_store(
    facts: QuestionFacts, connection: Connection, settings: Settings, verified: Verified
) -> QuestionFacts:
    column = tables.ledger.c
    counts = connection.execute(select(column.type, func.count()).group_by(column.type))
    times = connection.execute(select(func.min(column.recorded), func.max(column.recorded))).one()
    notes = list(checkpoint_storage.notes(connection))
    newest = checkpoint.parse(notes[-1]) if notes else None
    found, trouble = verified(store_source(connection, settings.store.path))
    consultations, keys = tables.consultations.c, tables.data_keys.c
    readable = select(consultations.id).where(consultations.payload_format != ERASED)
    return replace(
        facts,
        records=storage.head(connection).size,
        first=times[0] or "",
        last=times[1] or "",
        counts={row[0]: row[1] for row in counts},
        covered=newest.size if newest else 0,
        signed_at=newest.signed_at if newest else "",
        verified=found,
        trouble=trouble,
        consultations=_count(connection, readable),
        erased_keys=_count(connection, select(keys.id).where(keys.erased.is_not(None))),
        holds=len(active_holds(connection)),
        off=tuple(map(_off, switched_off(connection))),
        **_started(storage.last_record(connection, "service-started")),
    )


def _off(found: SwitchedOff) -> SwitchState:
    scope = "all services" if found.scope == ALL_SERVICES else found.scope
    return SwitchState(scope, format_utc(found.since), found.reason)


def _started(record: bytes | None) -> dict[str, Any]:
    """What the last start says that runs: names with the beginning of their digests."""
    if record is None:
        return {}
    told = orjson.loads(record)
    engine = visible(str(told.get("engine", "")))

    def named(name: str, digest: str) -> str:
        sha256 = str(told.get(digest, ""))[:_DIGITS]
        return f"{visible(str(told.get(name, 'none')))} (SHA-256 {sha256}…)"

    return {
        "model": named("model_id", "gguf_sha256"),
        "template": named("template_id", "template_sha256"),
        "program": f"Chartside {told.get('service_version', '')} with {engine}",
    }


def _count(connection: Connection, query: Any) -> int:
    counted = select(func.count()).select_from(query.subquery())
    return int(connection.execute(counted).scalar_one())
