"""Who may call and over what: clients, TLS in the service, a proxy before it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cds_hooks.cards import profiles
from cds_hooks.settings.kinds import FhirBase, Section, Unset, one_of
from cds_hooks.trust.certificate import fingerprint_of, subject_of
from cds_hooks.trust.client import DEFAULT_ALGORITHMS
from cds_hooks.trust.keys import ALGORITHMS

__all__ = ["ClientEntry", "ClientKeys", "OwnCalls", "ProxyServer", "UnauthenticatedLimits", "Tls"]

_Algorithm = Annotated[str, AfterValidator(one_of(ALGORITHMS))]
_Profile = Annotated[str, AfterValidator(one_of(profiles()))]
_KeyUrl = Annotated[str, Field(pattern=r"^(https?://[^\s?#@]+)?$")]


_Fingerprint = Annotated[str, AfterValidator(fingerprint_of)]
_Subject = Annotated[str, AfterValidator(subject_of)]


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("must be an IP address or a network like 10.1.2.0/28") from None
    return value


class ClientEntry(Section):
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="The site's name for it, in every record."
    )
    issuer: str = Field(min_length=1, description="`iss` of its tokens, letter for letter.")
    jwks_file: Annotated[Path | None, Unset] = Field(None, description="Its public keys (JWK Set).")
    jwks: str = Field("", description="The same, as JSON in the settings.")
    jku: _KeyUrl = Field(
        "",
        description="The URL of its keys: the only `jku` its tokens may name, and read where "
        "neither `jwks_file` nor `jwks` is set.",
    )
    algorithms: tuple[_Algorithm, ...] = Field(
        DEFAULT_ALGORITHMS, min_length=1, description="What it may sign with; asymmetric only."
    )
    audiences: tuple[str, ...] = Field(
        (), description="Exact `aud` texts; empty: `server.public_url` and the path called."
    )
    tenants: tuple[str, ...] = Field((), description="Tenants let in; empty: any.")
    leeway_s: float = Field(60.0, ge=0, le=300, description="Seconds that clocks may differ.")
    max_lifetime_s: float = Field(
        3600.0, gt=0, description="Longest seconds from `iat` to `exp` of a token."
    )
    fhir_bases: tuple[FhirBase, ...] = Field(
        (), description="FHIR servers it may name, each under one of `fhir.allowed_bases`; "
        "empty: all of those.",
    )  # fmt: skip
    fhir_version: Literal["", "STU3", "R4", "R4B", "R5"] = Field(
        "", description="What it sends, where no server tells; empty: `fhir.version`."
    )
    card_profile: Annotated[_Profile | None, Unset] = Field(
        None, description="Its family of clients; unset: `cards.profile`."
    )
    calls_per_minute: float = Field(600.0, ge=0, description="Calls it may make; 0: no bound.")
    burst: int = Field(60, gt=0, description="Calls it may make at once before that counts.")
    certificate_sha256: tuple[_Fingerprint, ...] = Field(
        (), description="SHA-256 fingerprints of certificates, one of which it must show in TLS."
    )
    certificate_subjects: tuple[_Subject, ...] = Field(
        (),
        description="Or their subjects (RFC 4514, `CN=ehr.hospital.example,O=Hospital`); empty "
        "both: any certificate, or none.",
    )

    @model_validator(mode="after")
    def _it_has_keys(self) -> Self:
        if not (self.jwks_file or self.jwks or self.jku):
            raise ValueError("a client needs jwks_file, jwks or jku")
        if self.jwks_file and self.jwks:
            raise ValueError("jwks_file and jwks do not go together")
        return self


class UnauthenticatedLimits(Section):
    calls_per_minute: float = Field(
        60.0, ge=0, description="Calls without a good token that an address may make; 0: no bound."
    )
    burst: int = Field(100, gt=0, description="How many at once before that counts.")


class ClientKeys(Section):
    read_s: float = Field(2.0, gt=0, le=10, description="Seconds to read a key set at its `jku`.")
    fresh_s: float = Field(300.0, gt=0, description="Seconds until a set is read again.")
    stale_s: float = Field(
        86_400.0, ge=0, description="Seconds that a set serves while its host is down."
    )
    floor_s: float = Field(
        30.0, ge=1, description="Seconds between two reads at least, however many unknown keys."
    )

    @model_validator(mode="after")
    def _stale_comes_after_fresh(self) -> Self:
        if self.stale_s < self.fresh_s:
            raise ValueError("stale_s must not be below fresh_s")
        return self


class OwnCalls(Section):
    issuer: str = Field(
        "", description="The [[clients]] issuer as which this machine's own commands call."
    )
    key: Annotated[Path | None, Unset] = Field(
        None, description="Their private key (PEM, readable by its owner alone)."
    )
    key_id: str = Field("", description="Its `kid`; empty: its thumbprint.")
    algorithm: Literal["ES384", "RS384"] = Field("ES384", description="Of the signature.")
    certificate: Annotated[Path | None, Unset] = Field(
        None, description="Their certificate (PEM), where `tls.client_authority` asks for one."
    )
    certificate_key: Annotated[Path | None, Unset] = Field(None, description="Its private key.")

    @model_validator(mode="after")
    def _a_key_has_an_issuer(self) -> Self:
        if bool(self.issuer) != (self.key is not None):
            raise ValueError("issuer and key belong together")
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key belong together")
        return self


class Tls(Section):
    certificate: Annotated[Path | None, Unset] = Field(
        None, description="The service's certificate and chain (PEM); unset: no TLS here."
    )
    key: Annotated[Path | None, Unset] = Field(
        None, description="Its private key (PEM, without a password, closed to others)."
    )
    client_authority: Annotated[Path | None, Unset] = Field(
        None, description="Authority (PEM) whose certificate every caller must show; unset: none."
    )
    least: Literal["1.2", "1.3"] = Field("1.2", description="Least version of TLS.")
    look_every_s: float = Field(
        10.0, gt=0, description="Seconds between two looks whether the files changed."
    )

    @model_validator(mode="after")
    def _a_certificate_has_a_key(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if self.client_authority is not None and self.certificate is None:
            raise ValueError("client_authority needs certificate and key")
        return self


class ProxyServer(Section):
    addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        (),
        description="Addresses or networks of the proxy that ends TLS before the service; only "
        "from these are X-Forwarded-For and X-Forwarded-Proto believed, and nobody else may call.",
    )
    certificate_header: str = Field(
        "",
        pattern=r"^[A-Za-z0-9-]{0,64}$",
        description="The header in which it hands its caller's verified certificate on, such as "
        "Client-Cert (RFC 9440); empty: none is believed.",
    )
