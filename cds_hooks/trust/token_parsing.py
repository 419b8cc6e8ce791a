"""A token taken apart, strictly: compact JWS (RFC 7515, section 7.1) of three base64url parts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused
from cds_hooks.trust.strict_json import NotStrictJson, read_strict

__all__ = ["MAX_CHARACTERS", "ParsedToken", "bearer_of", "parse_token"]

MAX_CHARACTERS = 8192

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# The specification writes the scheme so; two spellings of one token are one too many.
_SCHEME = "Bearer "


@dataclass(frozen=True, slots=True)
class ParsedToken:
    """`whole` is the text as sent; nothing of it is verified yet, and nothing is shown by repr."""

    whole: str = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


def bearer_of(authorizations: Sequence[str]) -> str:
    """The token in the values of a request's Authorization headers. Raises TokenRefused."""
    if not authorizations:
        raise TokenRefused(TokenRefusal.MISSING)
    if len(authorizations) > 1:
        raise TokenRefused(TokenRefusal.HEADER)
    if not authorizations[0].startswith(_SCHEME):
        raise TokenRefused(TokenRefusal.SCHEME)
    return authorizations[0].removeprefix(_SCHEME)


def parse_token(text: str, *, longest: int = MAX_CHARACTERS) -> ParsedToken:
    """Header and claims as they stand. Raises TokenRefused."""
    if not text:
        raise TokenRefused(TokenRefusal.MISSING)
    if len(text) > longest:
        raise TokenRefused(TokenRefusal.TOO_LONG)
    if not _FORM.fullmatch(text):
        raise TokenRefused(TokenRefusal.FORM)
    header, claims, _ = (_decoded(part) for part in text.split("."))
    try:
        return ParsedToken(text, read_strict(header), read_strict(claims))
    except NotStrictJson:
        raise TokenRefused(TokenRefusal.JSON) from None


def _decoded(part: str) -> bytes:
    """Without padding, and with no second spelling: unused bits at the end must be zero."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise TokenRefused(TokenRefusal.ENCODING) from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise TokenRefused(TokenRefusal.ENCODING)
    return raw
