"""Where a consultation comes from: who asked, what could be read, and which model spoke."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Caller",
    "KeyArrival",
    "KeyState",
    "ModelIdentity",
    "ModelPart",
    "RecordedCall",
]


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
