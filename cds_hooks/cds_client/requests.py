"""Playing the EHR: a hook request with prefetch, made from resources at hand.

An EHR fills each prefetch template by a search on its own server; here the same is done over a list
of resources, well enough for the templates this service publishes: type, `category`, and the
patient. It is a client for trying the service out, not part of answering a hook.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

Resource = Mapping[str, Any]

_TOKEN = re.compile(r"\{\{\s*(?:context\.)?(\w+)\s*\}\}")
_RELATIVE = re.compile(r"^now(?:-(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?)?$")


def place_in_time(value: Any, now: datetime) -> Any:
    """A copy of a document whose strings like `now-2d3h` have become FHIR instants before `now`."""
    if isinstance(value, dict):
        return {key: place_in_time(item, now) for key, item in value.items()}
    if isinstance(value, list):
        return [place_in_time(item, now) for item in value]
    if isinstance(value, str) and (match := _RELATIVE.match(value)):
        days, hours, minutes = (int(part or 0) for part in match.groups())
        when = now - timedelta(days=days, hours=hours, minutes=minutes)
        return when.replace(microsecond=0).isoformat()
    return value


def patient_id_of(resources: Iterable[Resource]) -> str | None:
    """The id of the only Patient among the resources, or None when there is none or several."""
    found = {str(r.get("id", "")) for r in resources if r.get("resourceType") == "Patient"}
    return found.pop() if len(found) == 1 else None


def current_encounter_id(resources: Iterable[Resource]) -> str | None:
    """The id of an encounter that is in progress, if there is one."""
    for resource in resources:
        if resource.get("resourceType") == "Encounter" and resource.get("status") == "in-progress":
            return str(resource.get("id", "")) or None
    return None


def hook_request(
    hook: str,
    prefetch: Mapping[str, str],
    resources: Sequence[Resource],
    *,
    patient_id: str,
    encounter_id: str | None,
) -> dict[str, Any]:
    """A CDS Hooks request for a patient, each prefetch key answered from the resources."""
    context = {"userId": "Practitioner/example", "patientId": patient_id}
    if encounter_id:
        context["encounterId"] = encounter_id
    return {
        "hook": hook,
        "hookInstance": str(uuid.uuid4()),
        "context": context,
        "prefetch": filled_prefetch(prefetch, resources, context),
    }


def filled_prefetch(
    templates: Mapping[str, str], resources: Sequence[Resource], context: Mapping[str, Any]
) -> dict[str, Any]:
    """What an EHR that holds these resources sends under each prefetch key."""
    tokens = {name: value for name, value in context.items() if isinstance(value, str)}
    kind, _, user = tokens.get("userId", "").partition("/")
    tokens |= {f"user{kind}Id": user} if user else {}
    return {key: _answer(template, resources, tokens) for key, template in templates.items()}


def _answer(template: str, resources: Sequence[Resource], context: Mapping[str, str]) -> Any:
    filled = _TOKEN.sub(lambda match: context.get(match[1], ""), template)
    parts = urlsplit(filled)
    if "/" in parts.path:
        resource_type, _, resource_id = parts.path.partition("/")
        return _read(resources, resource_type, resource_id)
    return _search(resources, parts.path, parse_qs(parts.query))


def _read(resources: Iterable[Resource], resource_type: str, resource_id: str) -> Resource | None:
    for resource in resources:
        if resource.get("resourceType") == resource_type and resource.get("id") == resource_id:
            return resource
    return None


def _search(
    resources: Iterable[Resource], resource_type: str, query: Mapping[str, list[str]]
) -> dict[str, Any]:
    wanted, ids = _listed(query, "category"), _listed(query, "_id")
    found = [
        {"resource": resource}
        for resource in resources
        if resource.get("resourceType") == resource_type
        and (not wanted or wanted & _categories(resource))
        and (not ids or resource.get("id") in ids)
    ]
    # `_count` is a page size, and nobody could ask this bundle for its second page: all go in one.
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": found}


def _listed(query: Mapping[str, list[str]], name: str) -> set[str]:
    return {item for value in query.get(name, ()) for item in value.split(",")}


def _categories(resource: Resource) -> set[str]:
    codes: set[str] = set()
    category = resource.get("category") or []
    for concept in category if isinstance(category, list) else [category]:
        codings = concept.get("coding") if isinstance(concept, dict) else None
        for coding in codings if isinstance(codings, list) else []:
            code, system = str(coding.get("code", "")), str(coding.get("system", ""))
            codes |= {code, f"{system}|{code}"}
    return codes
