"""What a provider says of itself (OpenID Connect Discovery 1.0, section 4), read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds_hooks.trust.openid.openid_errors import ProviderUnusable
from cds_hooks.trust.strict_json import NotStrictJson, read_strict

__all__ = ["MAX_BYTES", "ProviderMetadata", "metadata_url", "parse_metadata"]

MAX_BYTES = 256 * 1024
_HTTPS = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[!-~]*)?", re.ASCII)
_LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?(/[!-~]*)?", re.ASCII)
_LONGEST = 2048


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """Addresses of a provider. `sends_issuer`: it names itself in its answers (RFC 9207);
    `sign_out` is "" where it offers none."""

    issuer: str
    authorization: str
    token: str
    keys: str
    sign_out: str
    sends_issuer: bool


def metadata_url(issuer: str) -> str:
    """Where a provider's document is (section 4.1)."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def parse_metadata(document: bytes, issuer: str) -> ProviderMetadata:
    """The addresses in a document. Raises ProviderUnusable, also for another issuer's."""
    if len(document) > MAX_BYTES:
        raise ProviderUnusable("the provider's document is larger than 256 KiB")
    try:
        read = read_strict(document)
    except NotStrictJson:
        raise ProviderUnusable("the provider's document is no JSON object") from None
    if read.get("issuer") != issuer:
        hint = "Set openid.issuer letter for letter to what the provider's document has."
        raise ProviderUnusable("the provider's document names another issuer", hint=hint)
    methods = read.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise ProviderUnusable("the provider has no PKCE with S256", hint="Switch it on there.")
    return ProviderMetadata(
        issuer,
        _address(read, "authorization_endpoint", issuer),
        _address(read, "token_endpoint", issuer),
        _address(read, "jwks_uri", issuer),
        _address(read, "end_session_endpoint", issuer) if "end_session_endpoint" in read else "",
        read.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(read: Mapping[str, Any], name: str, issuer: str) -> str:
    """An https address, or one of this machine where the issuer itself is of this machine."""
    value = read.get(name)
    allowed = (_HTTPS,) if issuer.startswith("https://") else (_HTTPS, _LOOPBACK)
    plain = isinstance(value, str) and len(value) <= _LONGEST and "#" not in value
    if not plain or not any(pattern.fullmatch(str(value)) for pattern in allowed):
        raise ProviderUnusable(f"the provider's {name} is no https address")
    return str(value)
