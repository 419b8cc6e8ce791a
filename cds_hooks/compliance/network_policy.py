"""A Kubernetes NetworkPolicy of the destinations that the configuration allows; all else denied.

A NetworkPolicy knows networks, not names (Kubernetes documentation, "Network Policies": `ipBlock`).
A destination by name is allowed only at the networks that the operator gives for it, or at
`egress.networks`, in which names must lie; else it is left out, which denies it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["PolicyDestination", "PolicyRequest", "network_policy", "unlisted"]

Json = dict[str, Any]

_PROTOCOLS = {"udp": "UDP"}
_DNS = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


@dataclass(frozen=True, slots=True)
class PolicyDestination:
    """A destination: `scheme` as settings have it, `host` a name or an address; `here` is this
    machine's own or a socket's path, for which there is no rule."""

    scheme: str
    host: str
    port: int
    setting: str
    here: bool = False

    @property
    def is_name(self) -> bool:
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return not self.here
        return False

    @property
    def text(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{host}" if self.scheme == "unix" else f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """What a policy is made of. `labels` select the pods; callers come from `callers` (networks;
    empty: from anywhere) to `port`. `cidrs` are networks by name of a host, `networks` those in
    which every name must lie."""

    destinations: tuple[PolicyDestination, ...]
    port: int
    labels: Mapping[str, str]
    callers: tuple[str, ...] = ()
    cidrs: Mapping[str, Sequence[str]] | None = None
    networks: tuple[str, ...] = ()
    name: str = "chartside"

    def networks_of(self, destination: PolicyDestination) -> tuple[str, ...]:
        """The networks of a destination, normalised; empty where none is known."""
        if not destination.is_name:
            return (str(ipaddress.ip_network(destination.host)),)
        given = (self.cidrs or {}).get(destination.host) or self.networks
        return tuple(str(ipaddress.ip_network(each, strict=False)) for each in given)


def network_policy(wanted: PolicyRequest) -> Json:
    """The manifest. Raises ValueError for a network that is none."""
    outside = [each for each in wanted.destinations if not each.here]
    egress = [
        _rule(networks, each.port, _PROTOCOLS.get(each.scheme, "TCP"))
        for each in outside
        if (networks := wanted.networks_of(each))
    ]
    if any(each.is_name for each in outside):
        egress.insert(0, _DNS)
    ingress: Json = {"ports": [{"protocol": "TCP", "port": wanted.port}]}
    if wanted.callers:
        ingress["from"] = _blocks(
            str(ipaddress.ip_network(each, strict=False)) for each in wanted.callers
        )
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": wanted.name, "labels": dict(wanted.labels)},
        "spec": {
            "podSelector": {"matchLabels": dict(wanted.labels)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [ingress],
            "egress": list({repr(rule): rule for rule in egress}.values()),
        },
    }


def unlisted(wanted: PolicyRequest) -> tuple[PolicyDestination, ...]:
    """Destinations by name for which no network is known: the policy denies them."""
    outside = (each for each in wanted.destinations if not each.here)
    return tuple(each for each in outside if not wanted.networks_of(each))


def _rule(networks: Iterable[str], port: int, protocol: str) -> Json:
    return {"to": _blocks(networks), "ports": [{"protocol": protocol, "port": port}]}


def _blocks(networks: Iterable[str]) -> list[Json]:
    return [{"ipBlock": {"cidr": network}} for network in networks]
