"""How the service shows the token endpoint which client it is (RFC 6749, 2.3; RFC 7523)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.auth import ClientAuth

from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import read_private
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from cds_hooks.trust.signing import SigningKey, client_assertion

__all__ = ["Authenticate", "SecretUnusable", "client_authentication"]

Authenticate = Callable[[str, str], tuple[Mapping[str, str], str]]
"""From the endpoint's address and a form to headers and the form to send."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class SecretUnusable(ChartsideError):
    """The client's secret cannot be read, or others may read it, or it is no line of text."""

    code = "openid-secret-unusable"
    status = 400


def client_authentication(settings: OpenIdSettings) -> Authenticate:
    """What the settings ask for. Raises SecretUnusable, KeyUnusable."""
    if settings.authentication == "private_key_jwt" and settings.client_key is not None:
        return _by_key(settings, _key(settings))
    secret = _secret(settings) if settings.client_secret is not None else ""
    client_id = settings.client_id
    if settings.authentication == "client_secret_basic":
        # Section 2.3.1 has both encoded before they are joined, which the library leaves to us.
        client_id, secret = quote_plus(client_id), quote_plus(secret)
    auth = ClientAuth(client_id, secret, settings.authentication)

    def by_library(url: str, form: str) -> tuple[Mapping[str, str], str]:
        _, headers, body = auth.prepare("POST", url, dict(_FORM), form)
        return headers, body

    return by_library


def _by_key(settings: OpenIdSettings, key: SigningKey) -> Authenticate:
    def sign(url: str, form: str) -> tuple[Mapping[str, str], str]:
        jti = secrets.token_urlsafe(16)
        assertion = client_assertion(key, settings.client_id, url, now=time.time(), jti=jti)
        added = {
            "client_id": settings.client_id,
            "client_assertion_type": _JWT_BEARER,
            "client_assertion": assertion,
        }
        return _FORM, f"{form}&{urlencode(added)}"

    return sign


def _key(settings: OpenIdSettings) -> SigningKey:
    assert settings.client_key is not None  # noqa: S101 - the settings see to it
    return SigningKey.load(
        settings.client_key, kid=settings.client_key_id, setting="openid.client_key"
    )


def _secret(settings: OpenIdSettings) -> str:
    assert settings.client_secret is not None  # noqa: S101 - the settings see to it
    hint = "Set openid.client_secret to a file that the service's user can read."
    raw = read_private(
        settings.client_secret, what="the client's secret", hint=hint, error=SecretUnusable
    )
    text = raw.decode("ascii", "replace").strip()
    if not text or not text.isprintable() or not text.isascii():
        raise SecretUnusable(
            "the client's secret is no line of text", where="openid.client_secret", hint=hint
        )
    return text
