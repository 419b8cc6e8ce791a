"""For which organization and to what purpose a call is made, as far as its token or the site says.

Two published forms of claims are read, both within `extensions`: `ihe_iua` (IHE Internet User
Authorization, ITI TF-2 3.71) and `hl7-b2b` (HL7 UDAP Security, Authorization Extension Object); and
the claims that the site names for a client. Nothing is concluded from anything else: what no
token and no setting says is not recorded. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cds_hooks.consultation import Access
from cds_hooks.trust.client import Client

__all__ = ["access_of"]

_MOST_PURPOSES = 8
_LONGEST = 200
# A code of a code system, such as HL7 v3 PurposeOfUse: no words, and no sentence.
_CODE = re.compile(r"[A-Z][A-Z0-9_-]{1,31}", re.ASCII)
_SYSTEM = re.compile(r"(urn:[a-z0-9]|https?://)[^\s|#]{1,190}", re.ASCII)
_FORMS = (("ihe_iua", "subject_organization_id"), ("hl7-b2b", "organization_id"))

Claims = Mapping[str, Any]


def access_of(claims: Claims, client: Client) -> Access:
    """What the claims of a good token say; the client's setting where they name no organization."""
    organization = _claimed_organization(claims, client)
    source = "token" if organization else ""
    if not organization and client.organization:
        organization, source = client.organization, "settings"
    return Access(organization, source, tuple(_purposes(claims, client))[:_MOST_PURPOSES])


def _claimed_organization(claims: Claims, client: Client) -> str:
    named = claims.get(client.organization_claim) if client.organization_claim else None
    told = [named, *(_extension(claims, form).get(name) for form, name in _FORMS)]
    return next((each for each in told if isinstance(each, str) and 0 < len(each) <= _LONGEST), "")


def _purposes(claims: Claims, client: Client) -> Iterator[str]:
    """Codes as `system|CODE`, or `CODE` where no system is named; anything else is left out."""
    named = claims.get(client.purpose_claim) if client.purpose_claim else None
    for told in (named, *(_extension(claims, form).get("purpose_of_use") for form, _ in _FORMS)):
        for each in told if isinstance(told, list) else [told]:
            if code := _purpose(each):
                yield code


def _purpose(told: object) -> str:
    if isinstance(told, Mapping):  # a Coding
        system, code = told.get("system", ""), told.get("code", "")
    elif isinstance(told, str):  # `urn:oid:2.16.840.1.113883.5.8#TREAT`, or the code alone
        system, _, code = told.rpartition("#")
    else:
        return ""
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return ""
    if isinstance(system, str) and _SYSTEM.fullmatch(system):
        return f"{system}|{code}"
    return "" if system else code


def _extension(claims: Claims, form: str) -> Claims:
    found = claims.get("extensions")
    inner = found.get(form) if isinstance(found, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}
