"""From a token answer and an ID token's claims to who reads, and of which patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cds_hooks.trust.smart.smart_errors import LaunchRefusal, LaunchRefused

__all__ = ["LaunchContext", "launch_context"]

# FHIR R4, datatypes: id. A version at the end of a reference says nothing of who it is.
_USER = re.compile(
    r"(?:.*/)?(?P<kind>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?"
)
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_CLINICIANS = ("Practitioner", "PractitionerRole")
_LONGEST = 2048
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """`user` as a hook's `userId` ("Practitioner/1"), `patient` the id on `server`, `server` as
    the EHR named it; `app_context` is the card's, "" where there is none."""

    server: str
    client: str
    user: str = field(repr=False)
    patient: str = field(repr=False)
    app_context: str = ""


def launch_context(
    answer: Mapping[str, Any], claims: Mapping[str, Any], *, server: str, client: str
) -> LaunchContext:
    """What a launch says. Raises LaunchRefused where it names no clinician or no patient."""
    patient = answer.get("patient")
    if not isinstance(patient, str) or not _ID.fullmatch(patient):
        raise LaunchRefused(LaunchRefusal.NO_PATIENT)
    context = answer.get("appContext")
    return LaunchContext(
        server=server,
        client=client,
        user=_user(claims.get("fhirUser"), server),
        patient=patient,
        app_context=context if isinstance(context, str) and len(context) <= _LONGEST else "",
    )


def _user(told: Any, server: str) -> str:
    """A clinician's reference, relative: what the ledger has of the users of hooks as well."""
    if not isinstance(told, str) or not told or len(told) > _LONGEST:
        raise LaunchRefused(LaunchRefusal.NO_USER)
    found = _USER.fullmatch(told)
    if found is None:
        raise LaunchRefused(LaunchRefusal.NO_USER)
    if "://" in told and not _same_origin(told, server):
        raise LaunchRefused(LaunchRefusal.USER_ELSEWHERE)
    if found["kind"] not in _CLINICIANS:
        raise LaunchRefused(LaunchRefusal.USER_KIND)
    return f"{found['kind']}/{found['id']}"


def _same_origin(url: str, server: str) -> bool:
    try:
        one, other = urlsplit(url), urlsplit(server)
        return (one.scheme, one.netloc.lower()) == (other.scheme, other.netloc.lower())
    except ValueError:
        return False
