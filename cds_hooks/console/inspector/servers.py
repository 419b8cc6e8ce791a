"""FHIR servers that a form names: only listed ones are spoken to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.console.inspector.inspector_errors import (
    AddressNotListed,
    AddressUnusable,
    ChoiceIncomplete,
)
from cds_hooks.gather.fhir_client import usable_token
from cds_hooks.gather.server_base import ServerBase, allowed_base

__all__ = ["Transport", "listed_server"]

Transport = Callable[[], Any]
"""Makes an HTTP transport with the service's egress lock in front; None for httpx's own."""


def listed_server(
    address: str, token: str, *, allowed: Sequence[str], patience_s: float
) -> FhirAccess:
    """How to read a server. Nothing is asked of it here.

    Raises AddressUnusable, ChoiceIncomplete for a token that is none, and AddressNotListed with
    the line that lists it.
    """
    base = ServerBase.parse(address.rstrip("/"))
    if base is None:
        raise AddressUnusable
    if token and not usable_token(token):
        hint = "Paste the access token alone, without the word Bearer."
        raise ChoiceIncomplete("this is not a bearer token", where="token", hint=hint)
    if allowed_base(str(base), allowed) is None:
        listed = orjson.dumps([*allowed, str(base)]).decode()
        setting = f"[fhir]\nallowed_bases = {listed}"
        raise AddressNotListed(setting, f"CHARTSIDE_FHIR__ALLOWED_BASES='{listed}'")
    return FhirAccess(base, token, patience_s=patience_s)
