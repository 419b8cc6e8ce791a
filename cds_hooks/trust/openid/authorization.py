"""The two requests of a sign-in, and what comes back in the browser (RFC 6749, 4.1; RFC 7636)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from cds_hooks.trust.openid.openid_errors import SignInRefusal, SignInRefused

__all__ = ["BegunSignIn", "Returned", "authorization_url", "begin_sign_in", "read_return", "redeem"]

_MOST_CHARACTERS, _MOST_FIELDS = 8192, 20
_VALUE = re.compile(r"[!-~]{1,4096}", re.ASCII)
_ERROR = re.compile(r"[a-z_]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BegunSignIn:
    """What is remembered of a sign-in until its browser comes back."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """What the browser brought back: a code, or an `error` (a word of RFC 6749, 4.1.2.1)."""

    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


def begin_sign_in() -> BegunSignIn:
    """State and nonce of 256 bits, and a verifier of 384."""
    return BegunSignIn(
        secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    )


def authorization_url(
    endpoint: str, begun: BegunSignIn, client_id: str, redirect_uri: str, scopes: Sequence[str]
) -> str:
    """Where the browser is sent."""
    url: str = prepare_grant_uri(
        endpoint,
        client_id=client_id,
        response_type="code",
        redirect_uri=redirect_uri,
        scope=list(dict.fromkeys(("openid", *scopes))),
        state=begun.state,
        nonce=begun.nonce,
        code_challenge=create_s256_code_challenge(begun.verifier),
        code_challenge_method="S256",
    )
    return url


def redeem(returned: Returned, begun: BegunSignIn, redirect_uri: str) -> str:
    """The body of the request for an ID token."""
    body: str = prepare_token_request(
        "authorization_code",
        redirect_uri=redirect_uri,
        code=returned.code,
        code_verifier=begun.verifier,
    )
    return body


def read_return(query: str) -> Returned:
    """What a query brings; each field once. Raises SignInRefused."""
    if len(query) > _MOST_CHARACTERS:
        raise SignInRefused(SignInRefusal.RETURN)
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise SignInRefused(SignInRefusal.RETURN) from None
    found = dict(pairs)
    wanted = {name: found.get(name, "") for name in ("state", "code", "error", "iss")}
    names = [name for name, _ in pairs if name in wanted]
    plain = all(_VALUE.fullmatch(value) for name, value in wanted.items() if name in names)
    if len(names) != len(set(names)) or not plain or not wanted["state"]:
        raise SignInRefused(SignInRefusal.RETURN)
    if bool(wanted["code"]) == bool(wanted["error"]):
        raise SignInRefused(SignInRefusal.RETURN)
    error = wanted["error"]
    told = error if _ERROR.fullmatch(error) else "error" if error else ""
    return Returned(wanted["state"], wanted["code"], told, wanted["iss"])
