"""`chartside export egress`: where data may go and why, what was tried, and a NetworkPolicy."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from cds_hooks.compliance.network_policy import PolicyDestination, PolicyRequest, unlisted
from cds_hooks.documents import Document, Section, Source, Table

__all__ = ["EgressFacts", "egress_document"]

_ABOUT = (
    "Where this installation may connect, which setting says so, and what goes there. Everything "
    "else is refused by the egress lock; the self-test tried it when this was made.",
)
_SOURCE = Source(
    "Kubernetes, Network Policies",
    "networking.k8s.io/v1",
    "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
)
_OTHER = "Named by this setting."


@dataclass(frozen=True, slots=True)
class EgressFacts:
    """What was gathered. `tried` are attempts and results by test (`lock`, `engine`), empty where
    none was run; `prewarm` are destinations of `chartside prewarm`."""

    at: str
    version: str
    subject: str
    settings: Mapping[str, Any]
    policy: PolicyRequest
    prewarm: tuple[PolicyDestination, ...] = ()
    tried: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    holds: bool | None = None


@cache
def _reasons() -> Mapping[str, str]:
    text = files("cds_hooks.compliance").joinpath("data/egress.toml").read_text("utf-8")
    found: Mapping[str, str] = tomllib.loads(text)["why"]
    return found


def egress_document(facts: EgressFacts) -> Document:
    """The document about an installation."""
    return Document(
        name="egress",
        title="What may leave this installation",
        made_at=facts.at,
        version=facts.version,
        subject=facts.subject,
        about=_ABOUT,
        sections=(_bounds(facts), _destinations(facts), _self_test(facts), _policy(facts)),
        sources=(_SOURCE,),
    )


def _bounds(facts: EgressFacts) -> Section:
    keys = ("profile", "egress.lock", "egress.confine_engine", "egress.networks", "server.host",
            "server.port")  # fmt: skip
    rows = tuple((key, _shown(facts.settings[key])) for key in keys)
    return Section("Bounds", tables=(Table(("Setting", "Value"), rows),))


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) or "empty" if isinstance(value, tuple) else str(value)


def _destinations(facts: EgressFacts) -> Section:
    heads = ("Destination", "Setting", "Why, and what is sent")
    rows = tuple((each.text, each.setting, _why(each)) for each in facts.policy.destinations)
    told = [Table(heads, rows, "Of the service")] if rows else []
    more = tuple((each.text, each.setting, _why(each)) for each in facts.prewarm)
    told += [Table(heads, more, "Of chartside prewarm, a process of its own")] if more else []
    text = () if rows else ("The configuration lets the service connect to nothing at all.",)
    return Section("Destinations", text, tables=tuple(told))


def _why(destination: PolicyDestination) -> str:
    key = destination.setting
    known = (name for name in _reasons() if key == name or key.startswith((f"{name}[", f"{name}.")))
    return _reasons().get(next(known, ""), _OTHER)


def _self_test(facts: EgressFacts) -> Section:
    heads = ("Tried", "Result")
    names = {"lock": "As the service", "engine": "As its engine process"}
    told = tuple(
        Table(heads, tuple(results.items()), names.get(test, test))
        for test, results in facts.tried.items()
        if results
    )
    if facts.holds is None:
        text = "Not run: chartside egress report does."
    else:
        text = "Everything was refused." if facts.holds else "NOT everything was refused."
    return Section("Self-test", (text,), tables=told)


def _policy(facts: EgressFacts) -> Section:
    """What the generated NetworkPolicy allows, and what it cannot say."""
    wanted = facts.policy
    outside = [each for each in wanted.destinations if not each.here]
    rows = tuple(
        (each.text, ", ".join(wanted.networks_of(each)) or "none: denied", each.setting)
        for each in outside
    )
    callers = ", ".join(wanted.callers) or "anywhere: give --callers"
    text = [
        f"In: port {wanted.port} from {callers}. Out: what is listed, and names at kube-system. "
        "All else is denied. `--format networkpolicy` prints it (JSON, which kubectl reads).",
    ]
    if names := unlisted(wanted):
        told = ", ".join(dict.fromkeys(each.host for each in names))
        text.append(
            "A NetworkPolicy cannot name a host. Give networks for these, or the policy denies "
            f"them: {told}. Write --cidr HOST=NETWORK for each, or set egress.networks."
        )
    heads = ("Destination", "Networks in the policy", "Setting")
    return Section(
        "Kubernetes NetworkPolicy", tuple(text), tables=(Table(heads, rows),) if rows else ()
    )
