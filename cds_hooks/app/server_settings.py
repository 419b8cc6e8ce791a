"""Settings of the HTTP edge: where it listens, its bounds, TLS in it or a proxy before it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cds_hooks.protocol.json_body import DEFAULT_LIMITS, BodyLimits
from cds_hooks.section import Section, Unset

__all__ = ["AppConfig", "ProxySettings", "ServerSettings", "TlsSettings"]

_Origin = Annotated[str, Field(pattern=r"^https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?$")]


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("must be an IP address or a network like 10.1.2.0/28") from None
    return value


class ServerSettings(Section):
    """Where the service listens, and how much it takes."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on; beyond loopback with clients and TLS or a proxy.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8010, description="Port; 0 takes any.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#@]+)?$",
        description="The service's address as EHRs see it, if another.",
    )
    max_body_bytes: int = Field(
        DEFAULT_LIMITS.max_bytes, gt=0, description="Largest body that is read."
    )
    max_in_flight: int = Field(
        64,
        gt=0,
        description="Calls answered at one time; past three quarters by rules alone and without "
        "waiting, past it 503.",
    )
    max_connections: int = Field(
        1000,
        gt=0,
        description="Connections open at one time; past it the one that has waited longest for a "
        "request ends.",
    )
    max_connections_per_address: int = Field(
        250,
        ge=0,
        description="The same from one address, but a proxy's or this machine's own; 0: no bound.",
    )
    read_head_within_s: float = Field(
        10.0, gt=0, description="Seconds for TLS to begin and a request's head to arrive whole."
    )
    cors_origins: tuple[_Origin, ...] = Field((), description="Browser origins that may call.")


class TlsSettings(Section):
    """TLS in the service, which loads changed files without a restart, on SIGHUP at once."""

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


class ProxySettings(Section):
    """A proxy before the service that ends TLS."""

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


@dataclass(frozen=True, slots=True)
class AppConfig:
    """`[server]` and `[proxy]` with the bounds that no site sets. Times are seconds.

    `read_within_s` is for a body to arrive, `answer_at_most_s` for an answer to be made: the last
    bound, far above the one a service keeps by itself. `max_per_peer` bounds the calls from one
    address (429 past it; 0 is no bound, for EHRs that come through one proxy), `max_held_bytes`
    the bodies of all open calls together (503). Raises ValueError for bounds that allow nothing.
    """

    server: ServerSettings = field(default_factory=ServerSettings)
    proxy: ProxySettings = field(default_factory=ProxySettings)
    read_within_s: float = 30.0
    answer_at_most_s: float = 30.0
    max_per_peer: int = 0
    max_held_bytes: int = 128 * 1024 * 1024
    retry_after_s: int = 2

    def __post_init__(self) -> None:
        if self.max_per_peer < 0:
            raise ValueError("max_per_peer must be at least 0")
        if self.max_held_bytes < self.server.max_body_bytes:
            raise ValueError("max_held_bytes must be at least server.max_body_bytes")
        if min(self.read_within_s, self.answer_at_most_s, self.retry_after_s) <= 0:
            raise ValueError("times must be above 0")

    @property
    def limits(self) -> BodyLimits:
        """The limits of one body."""
        return BodyLimits(max_bytes=self.server.max_body_bytes)
