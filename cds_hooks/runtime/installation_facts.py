"""An installation as the compliance checks see it: settings, files and store, read and not changed.

The service need not run. Nothing is created, and nothing outside this machine is spoken to but the
database and the key provider of the settings.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from cds_hooks.admission.lookup import admission_of
from cds_hooks.audit import KeyRefused, tables
from cds_hooks.audit.encryption import ERASED
from cds_hooks.audit.ledger import storage
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.record_types import RECORD_TYPES
from cds_hooks.audit.ledger.source import store_source
from cds_hooks.audit.ledger.source_verification import verify_source
from cds_hooks.audit.ledger.tally import Tally
from cds_hooks.audit.legal_holds import active_holds, held_subjects
from cds_hooks.audit.store_config import open_database
from cds_hooks.cards.card_data import texts
from cds_hooks.compliance.checks import InstallationFacts, LedgerFacts, ServiceFacts, StoreFacts
from cds_hooks.compliance.hazards import characteristic_counts
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.configs import services_of, store_config
from cds_hooks.runtime.egress import of_service
from cds_hooks.runtime.engines import expected_digest
from cds_hooks.runtime.files import private_files
from cds_hooks.runtime.records import find_key
from cds_hooks.services import ServiceDefinition
from cds_hooks.settings import Settings, known_keys
from cds_hooks.settings.production_requirements import lacks
from cds_hooks.trust.egress import DestinationInvalid
from prompts import load

__all__ = ["StoreReading", "admitted_for", "facts_of", "read_store", "settings_by_key"]

_TEMPLATE = "differential"
_TYPE = re.compile(r"[A-Za-z]+")
_OVERDUE_S = 86_400.0

Watch = Callable[[Iterable[bytes]], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class StoreReading:
    """What was read of a store: its ledger's counts and rows, or `unread`: why it was not."""

    ledger: LedgerFacts | None = None
    store: StoreFacts | None = None
    destroyed: tuple[Mapping[str, Any], ...] = ()
    unread: str = ""


def facts_of(
    settings: Settings, config: Path | None, *, watch: Watch = iter, with_store: bool = True
) -> InstallationFacts:
    """Everything that the checks look at. `watch` sees the ledger's records pass.

    Raises SettingsError for services that are not known.
    """
    read = read_store(settings, watch) if with_store else StoreReading(unread="not looked at")
    words = texts()
    return InstallationFacts(
        at=format_utc(time.time()),
        settings=dict(settings_by_key(settings)),
        lacks=tuple((lack.code, lack.key) for lack in lacks(settings)),
        open_files=tuple(dict.fromkeys(f.key for f in private_files(settings) if f.is_open)),
        config_mode=_mode(config),
        site_key_origin=_key_origin(settings),
        destinations=tuple(_destinations(settings)),
        services=tuple(map(_service, services_of(settings))),
        own_texts=tuple(_strings(words.model_dump())),
        caution=words.blocks["caution"],
        most_diagnoses=int(load(_TEMPLATE).schema["properties"]["diagnoses"]["maxItems"]),
        admitted_for=admitted_for(settings),
        known_types=frozenset(RECORD_TYPES),
        ledger=read.ledger,
        store=read.store,
        unread=read.unread,
        destroyed=read.destroyed,
        risk_characteristics=characteristic_counts(),
    )


def read_store(settings: Settings, watch: Watch = iter) -> StoreReading:
    """The store of these settings: a file that is not there is not made."""
    place = settings.store.path
    if "://" not in place and not Path(place).is_file():
        return StoreReading(
            unread="there is no store yet: the service never ran with these settings"
        )
    try:
        key = find_key(settings).key
        database = open_database(store_config(settings), key, time.time)
    except ChartsideError as error:
        return StoreReading(unread=f"the store cannot be read ({error.code}): {error.message}")
    try:
        with database.read() as connection:
            ledger = _ledger(connection, settings, watch)
            return StoreReading(ledger, _rows(connection), _destroyed(connection))
    except ChartsideError as error:
        return StoreReading(unread=f"the store cannot be read ({error.code}): {error.message}")
    finally:
        database.close()


def _ledger(connection: Connection, settings: Settings, watch: Watch) -> LedgerFacts:
    tally = Tally()
    column = tables.consultations.c
    readable = select(column.id).where(column.payload_format != ERASED)
    stored = set(connection.execute(readable).scalars())
    source = store_source(connection, settings.store.path)
    report, _ = verify_source(
        source, _verifiers(settings), watch=lambda records: tally.passing(watch(records))
    )
    failure = report.failure
    facts = LedgerFacts(
        records=sum(tally.counts.values()),
        first_seq=tally.first_seq,
        first=tally.first,
        last=tally.last,
        counts=dict(tally.counts),
        last_times=dict(tally.last_times),
        covered=report.covered,
        signed_at=report.signed_at,
        unrecorded=len(stored - tally.consultations) if failure is None else 0,
        answers=tally.counts["hook-answered"],
        without_user=tally.without_user,
        without_client=tally.without_client,
        critical=tally.critical,
        modelled=tally.modelled,
        single=tally.single,
        untraceable=tally.untraceable,
    )
    if failure is None:
        return facts
    told = f"record {failure.seq}: {failure.text} ({failure.code})"
    of_store = failure.code == "earlier-state"
    return replace(facts, other_state=told) if of_store else replace(facts, failure=told)


def _destroyed(connection: Connection) -> tuple[Mapping[str, Any], ...]:
    """The records of what was destroyed, in the order of the ledger."""
    types = [name for name, each in RECORD_TYPES.items() if each.destroys]
    found = [
        orjson.loads(data) for type_ in types for data in storage.records_of(connection, type_)
    ]
    return tuple(sorted(found, key=lambda record: int(record["seq"])))


def _verifiers(settings: Settings) -> tuple[CheckpointVerifier, ...]:
    """The keys of the settings; a signing key that is not there yet is not made."""
    place = settings.ledger.signing_key or settings.store.site_key.with_name("ledger.key")
    own = CheckpointSigner.load(place, settings.ledger.name).public if place.is_file() else None
    earlier = (CheckpointVerifier.parse(line.encode()) for line in settings.ledger.earlier_keys)
    return (*((own,) if own else ()), *earlier)


def _rows(connection: Connection) -> StoreFacts:
    keys, now = tables.data_keys.c, time.time()
    both = (tables.consultations, tables.feedback)
    sealed = [select(t.c.sealed_by).where(t.c.payload_format != ERASED) for t in both]
    known = select(keys.id)
    counted = [_count(connection, query.subquery()) for query in sealed]
    unsealed = [
        _count(connection, select(t.c.id).where(
            t.c.payload_format != ERASED, ~t.c.sealed_by.in_(known)).subquery())
        for t in both
    ]  # fmt: skip
    late = now - _OVERDUE_S
    column = tables.consultations.c
    overdue = select(column.id).where(
        column.expires <= late,
        ~column.id.in_(held_subjects("consultation")),
        ~column.patient_key.in_(held_subjects("patient")),
    )
    return StoreFacts(
        payloads=sum(counted),
        unsealed=sum(unsealed),
        data_keys=_count(connection, select(keys.id).where(keys.erased.is_(None)).subquery()),
        erased_keys=_count(connection, select(keys.id).where(keys.erased.is_not(None)).subquery()),
        holds=len(active_holds(connection)),
        overdue=_count(connection, overdue.subquery()),
    )


def _count(connection: Connection, query: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(query)).scalar_one())


def settings_by_key(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Each setting by its key, with its value as Python has it."""
    for key, _ in known_keys():
        section, _, name = key.partition(".")
        found = getattr(settings, section)
        yield key, getattr(found, name) if name else found


def _mode(config: Path | None) -> int | None:
    try:
        return config.stat().st_mode & 0o777 if config else None
    except OSError:
        return None


def _key_origin(settings: Settings) -> str:
    try:
        found = find_key(settings)
    except (KeyRefused, ChartsideError):
        return ""
    held_by = f" that {found.provider} keeps" if found.provider else ""
    return f"read from its {found.origin}{held_by}"


def _destinations(settings: Settings) -> Iterator[tuple[str, str, bool]]:
    try:
        for each in of_service(settings):
            yield each.setting, str(each), each.here or each.scheme == "unix"
    except DestinationInvalid as error:
        yield error.where, "http://not-valid", False


def _service(service: ServiceDefinition) -> ServiceFacts:
    """Its resource types: the first word of each prefetch query."""
    found = (_TYPE.match(template.query) for template in service.templates)
    types = dict.fromkeys(match.group() for match in found if match)
    unexplained = tuple(each.key for each in service.templates if not each.why.strip())
    return ServiceFacts(service.id, tuple(types), unexplained)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.splitlines()
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from _strings(each)


def admitted_for(settings: Settings) -> str:
    """The purpose that the model of the settings is admitted for; empty where it is not."""
    wanted = settings.admission
    if wanted.folder is None or wanted.public_key is None:
        return ""
    try:
        record = admission_of(expected_digest(settings), wanted.folder, wanted.public_key)
    except (ChartsideError, OSError):
        return ""
    return record.purpose.value if record is not None and record.admitted else ""
