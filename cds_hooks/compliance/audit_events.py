"""Ledger records as FHIR R4 AuditEvents in the patterns of IHE BALP. Pure: a record in, events out.

What a hook brings is a disclosure as its recipient records it (PrivacyDisclosure.Recipient); what
the service read itself for it from a FHIR server is a query with a patient (PatientQuery) or a read
(PatientRead); a refused call is a security alert; a person who signs in or out is authenticated;
anything else, the model's own work too, is an activity of the application.
A ledger record holds keyed hashes only, and so does what is exported: patients, users and resources
are identifiers of this service, which only its site key can lead back.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_hooks.compliance import fhir_codes as codes
from cds_hooks.compliance.access_of_events import organizations, with_purposes
from cds_hooks.services import find

__all__ = ["Site", "audit_events"]

Fields = Mapping[str, Any]
Json = dict[str, Any]

# The pattern is kept for what failed; the outcome tells (BALP: "failures follow the same pattern").
_FAILED = {
    "deadline": "4",
    "engine-failed": "4",
    "engine-unavailable": "4",
    "invalid-output": "4",
    "overloaded": "4",
    "prompt-too-long": "4",
    "cancelled": "4",
}
# What people do at the pages: the type of its event, and DICOM's own word for it.
_OF_PEOPLE = {
    "signed-in": (codes.USER_AUTHENTICATION, codes.LOGIN),
    "signed-out": (codes.USER_AUTHENTICATION, codes.LOGOUT),
    "emergency-role-taken": (codes.SECURITY_ALERT, codes.EMERGENCY_STARTED),
    "emergency-role-ended": (codes.SECURITY_ALERT, codes.EMERGENCY_STOPPED),
}
_TOLD = ("template_id", "template_sha256", "model_id", "gguf_sha256", "engine", "config_sha256")


@dataclass(frozen=True, slots=True)
class Site:
    """Who records: the service's address as clients know it, the base of its identifiers."""

    base: str

    def identifier(self, kind: str, value: str) -> Json:
        """An identifier under this service's own address, `.../identifiers/patient`."""
        return {"system": f"{self.base}/identifiers/{kind}", "value": value}


def audit_events(record: Fields, site: Site) -> Iterator[Json]:
    """The AuditEvents of one ledger record: one of its own, and one for each read it led to."""
    kind = str(record.get("type", ""))
    if kind in ("hook-answered", "silent-hook-answered") and record.get("patient_pseudonym"):
        yield _disclosure(record, site)
        yield from _reads(record, site)
    elif kind in _OF_PEOPLE:
        yield _of_person(record, site, kind)
    elif kind in ("consultation-read", "consultation-opened"):
        yield _event(record, site, codes.PATIENT_RECORD, kind, "R", outcome="0")
    elif kind in ("ledger-searched", "ledger-exported", "ledger-verified"):
        yield _event(record, site, codes.AUDIT_LOG_USED, kind, "R", outcome="0")
    elif _refused(kind):
        yield _event(record, site, codes.SECURITY_ALERT, kind, "E", outcome="8")
    else:
        yield _event(record, site, codes.APPLICATION_ACTIVITY, kind, "E", outcome="0")


def _of_person(record: Fields, site: Site, kind: str) -> Json:
    type_, word = _OF_PEOPLE[kind]
    event = _event(record, site, type_, kind, "E", outcome="0")
    return {**event, "subtype": [word, *event["subtype"]]}


def _refused(kind: str) -> bool:
    return kind.endswith("refused") or kind.startswith("refused")


def _disclosure(record: Fields, site: Site) -> Json:
    """BALP PrivacyDisclosure.Recipient: the chart that a hook's prefetch brought."""
    outcome = _FAILED.get(str(record.get("outcome", "")), "0")
    event = _event(record, site, codes.IMPORT, "", "C", outcome=outcome)
    event["meta"] = {"profile": [f"{codes.BALP}.PrivacyDisclosure.Recipient"]}
    event["subtype"] = [codes.DISCLOSE, _own_type(str(record["type"]), site)]
    return event


def _reads(record: Fields, site: Site) -> Iterator[Json]:
    """What this service read from the FHIR server that the hook named, key by key."""
    service = find(str(record.get("service_id", "")))
    states = record.get("prefetch_state", {})
    for key in sorted(k for k, state in states.items() if state == "fetched"):
        template = service.prefetch.get(key, "") if service else ""
        yield _read(record, site, key, template)


def _read(record: Fields, site: Site, key: str, template: str) -> Json:
    query = "?" in template or not template
    outcome = "0"
    event = _event(record, site, codes.REST, "", "E" if query else "R", outcome=outcome)
    name = "PatientQuery" if query else "PatientRead"
    code = "search" if query else "read"
    event["id"] = f"{event['id'][:55]}-{_place(record, key)}"
    event["meta"] = {"profile": [f"{codes.BALP}.{name}"]}
    event["subtype"] = [codes.coding("http://hl7.org/fhir/restful-interaction", code, code)]
    server = {"display": "The FHIR server that the hook named"}
    # BALP has the client of a query as source and that of a read as destination.
    us, them = (codes.SOURCE, codes.DESTINATION) if query else (codes.DESTINATION, codes.SOURCE)
    event["agent"] = [
        {"type": us, "who": _self(site), "requestor": False, "network": _uri(site.base)},
        {"type": them, "who": server, "requestor": False, "network": _unknown()},
        *with_purposes(_user(record, site), record),
        *organizations(record, site.identifier),
    ]
    asked: Json = {
        "type": codes.SYSTEM_OBJECT,
        "role": codes.coding(codes.PATIENT_ROLE["system"], "24", "Query"),
        "description": "as published in discovery; the patient's own id is not kept",
        "query": base64.b64encode((template or key).encode()).decode(),
    }
    if not query:
        asked = {
            "type": codes.SYSTEM_OBJECT,
            "role": codes.DOMAIN_RESOURCE,
            "what": {"display": key},
        }
    event["entity"] = [_patient(record, site), asked, *_request(record, site)]
    return event


def _place(record: Fields, key: str) -> int:
    """A number for a key, which makes the ids of events of one record differ."""
    return sorted(record.get("prefetch_state", {})).index(key)


def _event(
    record: Fields, site: Site, type_: Mapping[str, str], own: str, action: str, *, outcome: str
) -> Json:
    """What all events have."""
    reason = str(record.get("reason_code") or record.get("outcome") or "")
    event: Json = {
        "resourceType": "AuditEvent",
        "id": str(record["event_id"]),
        "type": dict(type_),
        "subtype": [_own_type(own, site)] if own else [],
        "action": action,
        "recorded": str(record["recorded"]),
        "outcome": outcome,
        "outcomeDesc": reason,
        "agent": _agents(record, site),
        "source": {"observer": _self(site), "type": [codes.SERVER_SOURCE]},
        "entity": [*_of_patient(record, site), _answer(record, site), *_request(record, site)],
    }
    return {key: value for key, value in event.items() if value not in ("", [])}


def _own_type(kind: str, site: Site) -> Json:
    return codes.coding(f"{site.base}/CodeSystem/ledger-record", kind)


def _agents(record: Fields, site: Site) -> list[Json]:
    """The EHR that sent, this service that received, and the user who opened the chart."""
    issuer, token = str(record.get("client_iss", "")), str(record.get("jti", ""))
    who: Json = {"identifier": {"value": issuer}} if issuer else {"display": "not authenticated"}
    if tenant := record.get("tenant"):
        who["display"] = f"tenant {tenant}"
    user = _user(record, site)
    client: Json = {
        "type": codes.SOURCE,
        "who": who,
        "requestor": not user,
        "network": _uri(issuer) if issuer else _unknown(),
    }
    if token:
        client["policy"] = [f"urn:ietf:params:oauth:jti:{token}"]
    us = {"type": codes.DESTINATION, "who": _self(site), "requestor": False}
    found = [client, us | {"network": _uri(site.base)}, *user]
    return with_purposes([*found, *organizations(record, site.identifier)], record)


def _user(record: Fields, site: Site) -> list[Json]:
    user = str(record.get("user_ref", ""))
    if not user:
        return []
    who = {"identifier": site.identifier("user", user)}
    return [{"type": codes.RECIPIENT, "who": who, "requestor": True}]


def _self(site: Site) -> Json:
    return {"identifier": {"value": site.base}}


def _uri(address: str) -> Json:
    return {"address": address, "type": "5"}


def _unknown() -> Json:
    """BALP asks for a network; the ledger keeps no addresses of clients."""
    return {"extension": [dict(codes.ABSENT)]}


def _of_patient(record: Fields, site: Site) -> Iterator[Json]:
    """The patient, where the record is of one, and the resources that were read of the chart."""
    if record.get("patient_pseudonym"):
        yield _patient(record, site)
    for each in record.get("resource_refs_hmac", ()):
        what = {"identifier": site.identifier("resource", str(each))}
        yield {"type": codes.SYSTEM_OBJECT, "role": codes.DOMAIN_RESOURCE, "what": what}


def _patient(record: Fields, site: Site) -> Json:
    who = {
        "type": "Patient",
        "identifier": site.identifier("patient", str(record["patient_pseudonym"])),
    }
    return {"type": codes.PERSON, "role": codes.PATIENT_ROLE, "what": who}


def _answer(record: Fields, site: Site) -> Json:
    """The record itself: which consultation, which model, where in the ledger."""
    number = str(record.get("seq", ""))
    value = str(record.get("consultation") or record["event_id"])
    details = [*_named(record), *([("ledger_seq", number)] if number else [])]
    entity: Json = {
        "type": codes.SYSTEM_OBJECT,
        "role": codes.REPORT,
        "what": {"identifier": site.identifier("consultation", value)},
    }
    if details:
        entity["detail"] = [{"type": name, "valueString": told} for name, told in details]
    return entity


def _named(record: Fields) -> Iterable[tuple[str, str]]:
    return [(name, str(record[name])) for name in _TOLD if record.get(name)]


def _request(record: Fields, site: Site) -> list[Json]:
    """X-Request-Id as BALP has it, and the hook's instance beside it."""
    found = []
    if request_id := record.get("request_id"):
        what = {"identifier": {"value": str(request_id)}}
        found.append({"type": codes.REQUEST_ID, "what": what})
    if instance := record.get("hook_instance"):
        what = {"identifier": site.identifier("hook-instance", str(instance))}
        found.append({"type": codes.SYSTEM_OBJECT, "what": what})
    return found
