"""An installation as the compliance checks see it: settings, files and store, read and not changed.

The service need not run. Nothing is created, and nothing outside this machine is spoken to but the
database and the key provider of the settings.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_hooks.admission.lookup import admission_of
from cds_hooks.audit import KeyRefused
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.record_types import RECORD_TYPES
from cds_hooks.cards.card_data import texts
from cds_hooks.compliance.checks import InstallationFacts, ServiceFacts
from cds_hooks.compliance.hazards import characteristic_counts
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.configs import services_of
from cds_hooks.runtime.egress import of_service
from cds_hooks.runtime.engines import expected_digest
from cds_hooks.runtime.files import private_files
from cds_hooks.runtime.installation import operator_answers
from cds_hooks.runtime.records import find_key
from cds_hooks.runtime.store_facts import Watch, read_store
from cds_hooks.services import ServiceDefinition
from cds_hooks.settings import Settings, known_keys
from cds_hooks.settings.production_requirements import lacks
from prompts import load

__all__ = ["admitted_for", "facts_of", "settings_by_key"]

_TEMPLATE = "differential"
_TYPE = re.compile(r"[A-Za-z]+")


def facts_of(settings: Settings, config: Path | None, *, watch: Watch = iter) -> InstallationFacts:
    """Everything that the checks look at. `watch` sees the ledger's records pass.

    Raises SettingsError for services that are not known, DestinationInvalid, AnswersInvalid.
    """
    read = read_store(settings, watch)
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
        operator_answers=operator_answers(settings.documents.operator_file).by_key,
        risk_characteristics=characteristic_counts(),
    )


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
    for each in of_service(settings):
        yield each.setting, str(each), each.here or each.scheme == "unix"


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
