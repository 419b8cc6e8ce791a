"""A patient's chart from a FHIR server, read by a service's own prefetch templates."""

from __future__ import annotations

import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from cds_hooks.consultation import KeyState
from cds_hooks.errors import ChartsideError
from cds_hooks.gather import GatherConfig, NoteCode, PatientUnavailable, gather, open_http
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm import AccessTokenRefused, BackendClient, TokenSource

__all__ = [
    "ChartNotRead",
    "FhirAccess",
    "FhirTokenRefused",
    "KeyTrouble",
    "ServerChart",
    "access_token",
    "happened_and_todo",
    "read_chart",
]

_PATIENT = {"patient": "Patient/{{context.patientId}}"}
_USER = "Practitioner/example"


class ChartNotRead(ChartsideError):
    """The patient's record could not be read; `reason` is the note's code. `hint` is for a command
    line, `form_hint` for a page."""

    code = "chart-not-read"
    status = 400

    def __init__(self, reason: str, where: str) -> None:
        words = happened_and_todo(reason)
        super().__init__(f"{words['happened']} ({reason})", where=where, hint=words["todo"])
        self.reason = reason
        self.form_hint = words.get("form", words["todo"])


class FhirTokenRefused(ChartsideError):
    """The authorization server gave no token for the FHIR server."""

    code = "fhir-token-refused"
    status = 400


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """A FHIR server and how to get in: a bearer `token`, a `client` of SMART Backend Services, or
    neither. One read may take `patience_s` seconds."""

    base: ServerBase
    token: str = field(default="", repr=False)
    client: BackendClient | None = None
    tls: ssl.SSLContext | None = None
    patience_s: float = 30.0


@dataclass(frozen=True, slots=True)
class KeyTrouble:
    """A part of the chart that is not whole, and why."""

    key: str
    code: str


@dataclass(frozen=True, slots=True)
class ServerChart:
    """The resources that were found, and what was not whole."""

    resources: tuple[dict[str, Any], ...] = field(repr=False)
    troubles: tuple[KeyTrouble, ...] = ()


async def read_chart(
    access: FhirAccess, templates: Mapping[str, str], patient_id: str, transport: Any = None
) -> ServerChart:
    """All that the templates ask for of one patient.

    Raises ChartNotRead when the patient cannot be had, and FhirTokenRefused. Other parts that are
    missing are told in `troubles`: an EHR leaves those keys out.
    """
    bounds = GatherConfig(
        allowed_bases=(str(access.base),),
        connect_s=min(10.0, access.patience_s),
        read_s=access.patience_s,
    )
    wanted = {**templates, **({} if "patient" in templates else _PATIENT)}
    async with open_http(bounds, tls=access.tls, transport=transport) as http:
        token = await access_token(access, http)
        try:
            found = await gather(
                {},
                wanted,
                {"patientId": patient_id, "userId": _USER},
                fhir_server=str(access.base),
                access_token=token or None,
                pool=http,
                config=bounds,
                deadline_s=10 * access.patience_s,
            )
        except PatientUnavailable as error:
            raise ChartNotRead(error.reason.value, str(access.base)) from None
    troubles = [
        KeyTrouble(key, code.value)
        for key, state in found.states.items()
        if state in (KeyState.UNAVAILABLE, KeyState.PARTIAL)
        for code in found.notes_of(key) or (NoteCode.NOT_FOUND,)
    ]
    return ServerChart(tuple(found.resources), tuple(dict.fromkeys(troubles)))


async def access_token(access: FhirAccess, http: Any) -> str:
    """The bearer token that the server is read with; empty for an open one. Raises
    FhirTokenRefused."""
    if access.client is None:
        return access.token
    try:
        return await TokenSource(http, access.base, access.client).token()
    except AccessTokenRefused as error:
        hint = (
            "See --client-id, --client-key, --scope; --token-url where tokens come from elsewhere."
        )
        raise FhirTokenRefused(error.message, where=error.where, hint=hint) from None


def happened_and_todo(reason: str) -> Mapping[str, str]:
    """What a note's code means to a person: `happened`, and `todo`."""
    table = _read()
    return table.get(reason, table["other"])


@cache
def _read() -> Mapping[str, Mapping[str, str]]:
    raw = tomllib.loads(files("cds_hooks.cds_client").joinpath("reads.toml").read_text("utf-8"))
    return {name: row for name, row in raw.items() if isinstance(row, dict)}
