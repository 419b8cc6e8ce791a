"""Issuers and keys of public test tools: whoever likes can sign with them.

The CDS Hooks Sandbox (github.com/cds-hooks/sandbox) and Inferno's test kits
(github.com/inferno-framework, `smart_jwks.json`) publish their private keys, so that anybody can
try a service. A key is known here by its RFC 7638 thumbprint: an issuer may call itself anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

__all__ = ["is_public_issuer", "is_published", "thumbprint"]

_HOSTS = frozenset({"sandbox.cds-hooks.org", "inferno.healthit.gov", "inferno-qa.healthit.gov"})
# An Inferno of one's own signs with the same keys, as `<its address>/custom/<its suite>`.
_SUITES = "/custom/crd_"

_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}

_THUMBPRINTS = frozenset(
    {
        "s9fOe-KDYD1myZ8YCzleUqJQgrYZL49kVijBxhnZvZc",  # CDS Hooks Sandbox
        "RBFgQFFUIf4hfG8iUUZrf3vFZ_V2r3YRGPx9nKJXk5M",  # Inferno, ES384
        "Q7fgcIzqt0bVAKsWaw_FyUFSDDpOTfsGdGtjJmAnzFY",  # Inferno, RS384
    }
)


def is_public_issuer(issuer: str) -> bool:
    """Whether an issuer is one of the public test tools, by name."""
    try:
        parts = urlsplit(issuer.strip().lower())
    except ValueError:
        return False
    return (parts.hostname or parts.path) in _HOSTS or _SUITES in parts.path


def is_published(jwk: Mapping[str, Any]) -> bool:
    """Whether the private key to this public one is known to everybody."""
    return thumbprint(jwk) in _THUMBPRINTS


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638, with SHA-256; "" for a key of another type."""
    names = _MEMBERS.get(str(jwk.get("kty")), ())
    if not names or not all(isinstance(jwk.get(name), str) for name in names):
        return ""
    canonical = orjson.dumps({name: jwk[name] for name in names})
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
