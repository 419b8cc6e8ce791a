"""`chartside export riskfile | ai-act | retention | egress`: documents about rules and records."""

from __future__ import annotations

import ipaddress
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import orjson
import typer

from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import record_progress
from cds_hooks.cli.egress import tried_ways
from cds_hooks.cli.export_output import (
    FormatOption,
    ToOption,
    format_of,
    made_now,
    write_document,
    write_text,
)
from cds_hooks.cli.mapping import UsageError
from cds_hooks.compliance.ai_act import ai_act_document
from cds_hooks.compliance.checks import InstallationFacts
from cds_hooks.compliance.egress_document import EgressFacts, egress_document
from cds_hooks.compliance.network_policy import (
    PolicyDestination,
    PolicyRequest,
    network_policy,
    unlisted,
)
from cds_hooks.compliance.retention_document import retention_document
from cds_hooks.compliance.riskfile import riskfile_document
from cds_hooks.runtime.egress import of_prewarm, of_service
from cds_hooks.runtime.installation_facts import facts_of, settings_by_key
from cds_hooks.settings import Settings, read_settings
from cds_hooks.trust.egress import Destination

__all__ = ["ai_act", "egress", "retention", "riskfile"]

_POLICY = "networkpolicy"
_LABEL = "app.kubernetes.io/name=chartside"


def riskfile(
    format_: FormatOption = "",
    to: ToOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write hazards with cause, control, test and what remains, in the shape of ISO 14971."""
    made_at, version = made_now()
    subject = read_settings(config, os.environ).server.public_url
    write_document(riskfile_document(made_at, version, subject), format_, to, json=json)


def ai_act(
    format_: FormatOption = "",
    to: ToOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write what there is for articles 12 to 14, 19 and 26 of the EU AI Act: events, retention,
    oversight, instructions for use. The ledger is verified for it.
    """
    facts, version = _facts(config, json=json)
    write_document(ai_act_document(facts, version), format_, to, json=json)


def retention(
    format_: FormatOption = "",
    to: ToOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write what is kept, where and how long, how it is destroyed, and what was destroyed."""
    facts, version = _facts(config, json=json)
    write_document(retention_document(facts, version), format_, to, json=json)


def egress(
    format_: Annotated[
        str,
        typer.Option("--format", help="json, markdown, html, or networkpolicy for Kubernetes."),
    ] = "",
    to: ToOption = None,
    config: ConfigOption = None,
    cidr: Annotated[
        list[str] | None,
        typer.Option(help="HOST=NETWORK: where a host's name leads, for the NetworkPolicy."),
    ] = None,
    callers: Annotated[
        list[str] | None, typer.Option(help="A network that may call, for the NetworkPolicy.")
    ] = None,
    label: Annotated[str, typer.Option(help="KEY=VALUE that selects the service's pods.")] = _LABEL,
    self_test: Annotated[
        bool, typer.Option(help="Try forbidden ways out, as chartside egress report does.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """Write where the installation may connect and why, with a self-test, and a NetworkPolicy.

    A NetworkPolicy knows networks, not names: what it cannot allow is told.
    """
    settings = read_settings(config, os.environ)
    policy = _policy_request(settings, cidr or [], callers or [], label)
    chosen = format_ or format_of(to) or ("json" if json and not to else "")
    if chosen == _POLICY:
        text = orjson.dumps(network_policy(policy), option=orjson.OPT_INDENT_2).decode() + "\n"
        denied = [each.text for each in unlisted(policy)]
        write_text(text, to, {"format": _POLICY, "denied_for_want_of_a_network": denied}, json=json)
        return
    tried, holds = tried_ways(settings, config) if self_test else ({}, None)
    made_at, version = made_now()
    facts = EgressFacts(
        made_at,
        version,
        settings.server.public_url,
        dict(settings_by_key(settings)),
        policy,
        tuple(map(_destination, of_prewarm(settings))) if settings.prewarm.fhir_server else (),
        tried,
        holds,
    )
    write_document(egress_document(facts), chosen, to, json=json)


def _facts(config: Path | None, *, json: bool) -> tuple[InstallationFacts, str]:
    settings = read_settings(config, os.environ)
    watch = partial(record_progress, total_bytes=0, json=json)
    return facts_of(settings, config, watch=watch), made_now()[1]


def _policy_request(
    settings: Settings, cidr: list[str], callers: list[str], label: str
) -> PolicyRequest:
    """Raises UsageError for an option that is none, DestinationInvalid."""
    given: dict[str, list[str]] = {}
    for each in cidr:
        host, _, network = each.partition("=")
        given.setdefault(host.lower(), []).append(_network(network, "--cidr"))
    key, _, value = label.partition("=")
    if not (key and value):
        raise UsageError("a label is KEY=VALUE", where="--label", hint=f"Such as {_LABEL}.")
    return PolicyRequest(
        destinations=tuple(map(_destination, of_service(settings))),
        port=settings.server.port,
        labels={key: value},
        callers=tuple(_network(each, "--callers") for each in callers),
        cidrs=given,
        networks=settings.egress.networks,
    )


def _destination(found: Destination) -> PolicyDestination:
    here = found.here or found.scheme == "unix"
    return PolicyDestination(found.scheme, found.host, found.port, found.setting, here)


def _network(text: str, where: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        hint = "Such as 10.1.2.0/24 or 10.1.2.3/32."
        raise UsageError("this is no network", where=where, hint=hint) from None
