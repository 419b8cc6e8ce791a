"""Settings of who may call, and of where this process may connect."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cds_hooks.section import Section, Unset
from cds_hooks.trust.egress.destinations import parse
from cds_hooks.trust.egress.egress_errors import DestinationInvalid

__all__ = [
    "ClientKeysSettings",
    "EgressSettings",
    "OwnCallsSettings",
    "UnauthenticatedLimitsSettings",
]


def _destination(value: str) -> str:
    try:
        parse(value)
    except DestinationInvalid as error:
        raise ValueError(f"{error.message}: write https://host:port or host:port") from None
    return value


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("must be a network such as 10.0.0.0/8") from None
    return value


class ClientKeysSettings(Section):
    """How the key sets of clients with a `jku` are read and kept."""

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


class UnauthenticatedLimitsSettings(Section):
    """Bounds of calls without a good token; past them 429, before a token is looked at."""

    calls_per_minute: float = Field(
        60.0, ge=0, description="Calls without a good token that an address may make; 0: no bound."
    )
    burst: int = Field(100, gt=0, description="How many at once before that counts.")


class OwnCallsSettings(Section):
    """The client as which this machine's own commands call, where calls need tokens."""

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


class EgressSettings(Section):
    """Where the service may connect, beyond what other settings name (docs/reviewers/egress.md).

    The engine process is confined apart from that.
    """

    lock: bool = Field(
        True, description="Refuse every connection whose destination no setting names."
    )
    allow: tuple[Annotated[str, AfterValidator(_destination)], ...] = Field(
        (),
        description="Further destinations (`https://host`, `host:port`, `udp://host:port`, "
        "`unix:/path`), such as a log collector.",
    )
    networks: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        (),
        description="Networks in which the names of destinations must lie; empty: any address "
        "but this machine's own, link-local and metadata ones.",
    )
    confine_engine: Literal["where-possible", "required", "off"] = Field(
        "where-possible",
        description="The engine process gives up network, programs and files but the model's; "
        "`required`: no answer from one that could not.",
    )
