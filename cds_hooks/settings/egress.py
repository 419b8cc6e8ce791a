"""What may leave this process, beyond what other settings name."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cds_hooks.settings.kinds import Section
from cds_hooks.trust.egress import DestinationInvalid, parse

__all__ = ["Egress"]


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


class Egress(Section):
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
