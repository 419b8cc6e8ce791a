"""The signed statement of who asks for a token.

Sources: HL7 SMART App Launch 2.2, "Client Authentication: Asymmetric (public key)"; RFC 7523 (JWT
client assertions).
"""

from __future__ import annotations

from cds_hooks.trust.signing import LIFETIME_S, SigningKey

__all__ = ["assertion"]


def assertion(key: SigningKey, client_id: str, audience: str, *, now: float, jti: str) -> str:
    """The client assertion for a token endpoint; `now` is UTC seconds, `jti` used once."""
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": jti}
    return key.sign({**claims, "iat": int(now), "exp": int(now) + LIFETIME_S})
