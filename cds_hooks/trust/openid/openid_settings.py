"""Settings of the hospital's identity provider, and of the roles that its claims give."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cds_hooks.section import Section, Unset

__all__ = ["IdTokenAlgorithm", "OpenIdSettings"]

IdTokenAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"
]
_LOOPBACK = r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
_ISSUER = rf"^((https://[^\s?#@]+|{_LOOPBACK}(/[^\s?#@]*)?))?$"


class OpenIdSettings(Section):
    """The OpenID provider at which people sign in (docs/operators/who-may-open-what.md)."""

    issuer: str = Field(
        "",
        pattern=_ISSUER,
        description="The provider's issuer, letter for letter as it names itself; empty: nobody "
        "signs in.",
    )
    client_id: str = Field("", max_length=255, description="As which the service is registered.")
    authentication: Literal[
        "client_secret_basic", "client_secret_post", "private_key_jwt", "none"
    ] = Field("client_secret_basic", description="How it shows that at the token endpoint.")
    client_secret: Annotated[Path | None, Unset] = Field(
        None, description="File with its secret, readable by its owner alone."
    )
    client_key: Annotated[Path | None, Unset] = Field(
        None, description="Its private key for private_key_jwt (PEM or JWK; ES384 or RS384)."
    )
    client_key_id: str = Field("", description="Its `kid`; empty: its thumbprint.")
    algorithms: tuple[IdTokenAlgorithm, ...] = Field(
        ("RS256", "PS256", "ES256"),
        min_length=1,
        description="Signatures of ID tokens that are taken.",
    )
    scopes: tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,64}$")], ...] = Field(
        ("openid", "profile"), description="What is asked for; `openid` always is."
    )
    subject_claim: str = Field(
        "sub", min_length=1, description="The claim that names a person for good."
    )
    name_claim: str = Field("name", description="The claim with the name that is shown.")
    roles_claim: str = Field(
        "roles",
        min_length=1,
        description="The claim with roles or groups; dots lead into it (`realm_access.roles`).",
    )
    viewers: tuple[str, ...] = Field((), description="Its values that make a viewer.")
    integrators: tuple[str, ...] = Field((), description="Its values that make an integrator.")
    reviewers: tuple[str, ...] = Field((), description="Its values that make a reviewer.")
    investigators: tuple[str, ...] = Field(
        (), description="Its values that make an investigator of a silent trial."
    )
    administrators: tuple[str, ...] = Field(
        (), description="Its values that make an administrator."
    )
    leeway_s: float = Field(30.0, ge=0, le=120, description="How far the clocks may differ.")
    read_s: float = Field(5.0, gt=0, le=30, description="Seconds for one answer of the provider.")
    fresh_s: float = Field(
        600.0, gt=0, description="Seconds until its addresses and keys are read again."
    )
    stale_s: float = Field(
        86_400.0, ge=0, description="Seconds that they serve while it cannot be read."
    )
    floor_s: float = Field(
        30.0, ge=1, description="Seconds between two reads at least, however many unknown keys."
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if not self.issuer:
            return self
        if not self.client_id:
            raise ValueError("issuer needs client_id")
        secret = self.authentication.startswith("client_secret")
        if secret != (self.client_secret is not None):
            raise ValueError("client_secret goes with client_secret_basic and client_secret_post")
        if (self.authentication == "private_key_jwt") != (self.client_key is not None):
            raise ValueError("client_key goes with private_key_jwt")
        of_roles = (self.viewers, self.integrators, self.reviewers, self.investigators)
        if not any((*of_roles, self.administrators)):
            raise ValueError("no value gives a role: set viewers, integrators, reviewers, "
                             "investigators or administrators")  # fmt: skip
        if self.stale_s < self.fresh_s:
            raise ValueError("stale_s must not be below fresh_s")
        return self
