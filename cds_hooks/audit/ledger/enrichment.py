"""Adds to a ledger entry: a time, an id, a version, and pseudonyms in place of plain ids."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger.entries import encounter_pseudonym, user_ref
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.consultation import RecordedCall

__all__ = ["enrich", "format_utc", "with_plain_user", "with_pseudonyms"]

_PATIENT_ROLES = ("", "Patient", "RelatedPerson")


def format_utc(seconds: float) -> str:
    """UTC seconds since 1970 as RFC 3339 with milliseconds, which sorts as text."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def enrich(entry: Entry, now: float, version: str) -> Entry:
    """The entry with a time, an event id and a service version, where it has none."""
    return replace(
        entry,
        recorded=entry.recorded or format_utc(now),
        event_id=entry.event_id or str(uuid.uuid4()),
        service_version=entry.service_version or version,
    )


def with_plain_user(call: RecordedCall) -> RecordedCall:
    """The call with the user's id in clear, unless the user is a patient or a relative."""
    kind = call.user_id.rpartition("/")[0].rpartition("/")[2]
    return call if kind in _PATIENT_ROLES else replace(call, user_ref=call.user_id)


def with_pseudonyms(fields: Mapping[str, Any], key: SiteKey) -> dict[str, Any]:
    """The fields with keyed hashes in place of `patient_id`, `user_id` and `encounter_id`."""
    rest = dict(fields)
    patient, server = str(rest.pop("patient_id", "")), str(rest.pop("fhir_server", ""))
    user, encounter = str(rest.pop("user_id", "")), str(rest.pop("encounter_id", ""))
    if patient:
        rest["patient_pseudonym"] = key.patient_key(patient, fhir_server=server)
    if user:
        rest["user_ref"] = user_ref(key, user)
    if encounter:
        rest["encounter_pseudonym"] = encounter_pseudonym(key, encounter)
    return rest
