"""Where a consultation comes from: who asked, what could be read, and which model spoke."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Access",
    "Caller",
    "KeyArrival",
    "KeyState",
    "ModelIdentity",
    "ModelPart",
    "RecordedCall",
    "is_plain_organization",
]


_PLAIN_ID = re.compile(
    r"(urn:oid:)?[0-2](\.\d{1,40}){2,30}|urn:uuid:[0-9a-fA-F-]{36}|https?://[^\s?#@]{1,190}",
    re.ASCII,
)
_OF_A_PERSON = re.compile(r"/(patient|person|practitioner|practitionerrole|relatedperson)/")


@dataclass(frozen=True, slots=True)
class Access:
    """For which organization a call is made, and to what purpose.

    `organization_from` is "token" or "settings", who says so. `purposes` are codes, `system|CODE`.
    """

    organization: str = field(default="", repr=False)
    organization_from: str = ""
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked: a CDS client as its token named it, and the user of the hook.

    `client` is the site's name for it and `token` a keyed hash of issuer and `jti`; both are empty
    where no token was asked for. `user` is the hook's `userId` as sent (`Practitioner/1`): where
    it names a Patient or RelatedPerson it is patient data. `request_id` is the exchange's, as in
    the log and in the X-Request-ID header.
    """

    client: str = ""
    issuer: str = ""
    tenant: str = ""
    token: str = ""
    user: str = field(default="", repr=False)
    request_id: str = ""
    access: Access = field(default_factory=Access)


def is_plain_organization(text: str) -> bool:
    """Whether it is an OID, a UUID or an address that names no person, so that it may stand in
    clear; a name or a number may be a person's own."""
    return bool(_PLAIN_ID.fullmatch(text)) and not _OF_A_PERSON.search(text.lower())


class KeyState(StrEnum):
    """What became of one prefetch key."""

    PREFETCHED = "prefetched"
    FETCHED = "fetched"
    EMPTY = "empty"
    UNAVAILABLE = "unavailable"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class KeyArrival:
    """What came for a prefetch key that is not there whole, in stable words, never content.

    `sent` is what the client sent ("not-sent", "html", "operation-outcome forbidden"; "" when it
    is what was asked for, but not all of it), `noted` the codes of why the rest could not be had
    ("fhir-server-missing", "timeout").
    """

    sent: str
    noted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelPart:
    """One file of a model: its name without folder, its digest, and how strongly it counts."""

    name: str
    sha256: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model spoke: catalogue name, file digest, build of the engine.

    `parts` are the base and its LoRA adapters where there are any; `sha256` then covers them all.
    """

    name: str
    sha256: str
    engine: str
    licence: str = ""
    demonstration: bool = False
    parts: tuple[ModelPart, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call of the service, as the ledger records it.

    `user_id` and `encounter_id` are plain here and written as keyed hashes only; `user_ref` is
    written as it is, for a site that records users in clear.
    """

    hook: str = ""
    hook_instance: str = ""
    request_id: str = ""
    client_iss: str = ""
    tenant: str = ""
    jti: str = ""
    user_ref: str = ""
    user_id: str = field(default="", repr=False)
    encounter_id: str = field(default="", repr=False)
    access: Access = field(default_factory=Access)
