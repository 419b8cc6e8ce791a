"""The accessing organization and the purpose of use in AuditEvents, as far as a record has them.

The agent is as in BALP's examples with a healthcare provider; `purposeOfUse` stands at whoever
asked. What a token did not say, and no setting, is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cds_hooks.compliance import fhir_codes as codes

__all__ = ["organizations", "with_purposes"]

Fields = Mapping[str, Any]
Json = dict[str, Any]
Identifier = Callable[[str, str], Json]

_URI = "urn:ietf:rfc:3986"
# HL7 v3 ActReason by its OID and by its address are one code system.
_ACT_REASON = {
    "urn:oid:2.16.840.1.113883.5.8": "http://terminology.hl7.org/CodeSystem/v3-ActReason"
}
_SAID_BY = {
    "token": "as the token of the call says",
    "settings": "as the settings of this service say of the client",
}


def organizations(record: Fields, identifier: Identifier) -> Iterator[Json]:
    """The organization for which the user acts, as an agent; `identifier` makes our own ones."""
    if plain := str(record.get("organization", "")):
        uri = plain if ":" in plain else f"urn:oid:{plain}"
        found = {"system": _URI, "value": uri}
    elif hashed := str(record.get("organization_hmac", "")):
        found = identifier("organization", hashed)
    else:
        return
    told = _SAID_BY.get(str(record.get("organization_from", "")), "")
    who: Json = {"type": "Organization", "identifier": found}
    if told:
        who["display"] = told
    yield {"type": codes.HEALTHCARE_PROVIDER, "who": who, "requestor": False}


def with_purposes(agents: list[Json], record: Fields) -> list[Json]:
    """The agents, with the purpose of use at the one who asked."""
    told = record.get("purposes_of_use", ())
    purposes = [_concept(str(each)) for each in told] if isinstance(told, (list, tuple)) else []
    if not purposes:
        return agents
    return [
        {**each, "purposeOfUse": purposes} if each.get("requestor") else each for each in agents
    ]


def _concept(told: str) -> Json:
    """A code of the system that it came with; one that came without is text."""
    system, _, code = told.rpartition("|")
    if not system:
        return {"text": code}
    return codes.concept(codes.coding(_ACT_REASON.get(system, system), code))
