"""What a FHIR server says of its authorization server (SMART App Launch 2.2.0, conformance)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cds_hooks.addresses import is_loopback
from cds_hooks.trust.smart.smart_errors import LaunchUnusable
from cds_hooks.trust.strict_json import NotStrictJson, read_strict

__all__ = ["MAX_BYTES", "Listed", "SmartConfiguration", "parse_configuration"]

MAX_BYTES = 256 * 1024
_LONGEST = 2048

Listed = Callable[[str], bool]
"""Whether this process may speak to the host of a URL."""


@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """Addresses; `issuer` is of ID tokens, `sends_issuer`: it is named in answers (RFC 9207)."""

    issuer: str
    authorization: str
    token: str
    keys: str
    sends_issuer: bool


def parse_configuration(document: bytes, server: str, listed: Listed) -> SmartConfiguration:
    """The addresses in the document of a FHIR server. Raises LaunchUnusable.

    Whom this service asks itself must be `listed`: a document names hosts, settings allow them.
    """
    if len(document) > MAX_BYTES:
        raise LaunchUnusable("the server's SMART configuration is larger than 256 KiB")
    try:
        read = read_strict(document)
    except NotStrictJson:
        raise LaunchUnusable("the server's SMART configuration is no JSON object") from None
    methods = read.get("code_challenge_methods_supported")
    if not isinstance(methods, list) or "S256" not in methods:
        hint = "SMART App Launch 2 asks for it; older servers cannot be used."
        raise LaunchUnusable("the server does not offer PKCE with S256", hint=hint)
    return SmartConfiguration(
        _address(read, "issuer", server),
        _address(read, "authorization_endpoint", server),
        _listed_address(read, "token_endpoint", server, listed),
        _listed_address(read, "jwks_uri", server, listed),
        read.get("authorization_response_iss_parameter_supported") is True,
    )


def _listed_address(read: Mapping[str, Any], name: str, server: str, listed: Listed) -> str:
    url = _address(read, name, server)
    if not listed(url):
        parts = urlsplit(url)
        add = f'[egress] allow = ["{parts.scheme}://{parts.netloc}"]'
        raise LaunchUnusable(
            f"the server's {name} is on a host that the settings do not list", hint=add, add=add
        )
    return url


def _address(read: Mapping[str, Any], name: str, server: str) -> str:
    """An https address, or one of this machine where the FHIR server is of this machine too."""
    value = read.get(name)
    plain = isinstance(value, str) and len(value) <= _LONGEST and value.isascii()
    if not plain or not str(value).isprintable() or not _is_safe(str(value), server):
        hint = "It needs sso-openid-connect: an issuer and its keys." if not value else ""
        raise LaunchUnusable(f"the server's {name} is no https address", hint=hint)
    return str(value)


def _is_safe(url: str, server: str) -> bool:
    try:
        parts, own = urlsplit(url), urlsplit(server)
        _ = parts.port
    except ValueError:
        return False
    if any(c in url for c in " #\"'<>\\") or parts.username is not None or not parts.hostname:
        return False
    here = own.scheme == "http" and _is_here(own.hostname)
    return parts.scheme == "https" or (parts.scheme == "http" and here and _is_here(parts.hostname))


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or is_loopback(host or "")
    except ValueError:
        return False
