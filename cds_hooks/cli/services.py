"""`chartside services list | off | on`: what is switched off, and switching it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cds_hooks.audit.switch_operations import SwitchOperations
from cds_hooks.audit.switches import ALL_SERVICES, SwitchedOff, make_change
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import print_result
from cds_hooks.cli.mapping import UsageError
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.operator import operator
from cds_hooks.runtime.records import site_key
from cds_hooks.runtime.silent_services import silent_state
from cds_hooks.services import REGISTRY, find
from cds_hooks.settings import Settings, load_settings
from prompts import visible

__all__ = ["services_app"]

services_app = typer.Typer(
    name="services",
    help="Switch CDS services off and on while they run, without a restart.\n\n"
    'In a hurry: chartside services off --all --reason "WHY"',
    no_args_is_help=True,
)

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help="Its id, from `list`.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every service.")]
ReasonOption = Annotated[str, typer.Option(help="Why; recorded for ever. Never name a patient.")]
ByOption = Annotated[str, typer.Option(help="Who says so, if not this user of the machine.")]


@services_app.command("list")
def list_services(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Print each service, whether it is on or silent, and who switched it off, when and why."""
    settings = load_settings(config)
    with SwitchOperations(store_config(settings), site_key(settings)) as switches:
        _print(switches.switched_off(), settings, json=json)


@services_app.command("off")
def switch_off(
    reason: ReasonOption,
    service: ServiceArgument = "",
    all_: AllOption = False,
    by: ByOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Switch a service off: within a second no process answers its hooks with a card.

    In a hurry: chartside services off --all --reason "WHY"

    It works whether or not the service runs, and lasts until `services on`, restarts included.
    What was answered before can still be read, and feedback on it still be given.
    """
    _switch(service, all_, reason, by, load_settings(config), off=True, json=json)


@services_app.command("on")
def switch_on(
    reason: ReasonOption,
    service: ServiceArgument = "",
    all_: AllOption = False,
    by: ByOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Switch a service on again.

    `--all` ends `off --all`; what was switched off by its own id stays off.
    """
    _switch(service, all_, reason, by, load_settings(config), off=False, json=json)


def _switch(
    service: str, all_: bool, reason: str, by: str, settings: Settings, *, off: bool, json: bool
) -> None:
    scope, user = _scope(service, all_), operator()
    said_by = visible(by).strip() or user
    entered_by = "" if said_by == user else user
    change = make_change(
        scope, reason, off=off, now=time.time(), user=said_by, entered_by=entered_by
    )
    with SwitchOperations(store_config(settings), site_key(settings)) as switches:
        made = switches.change(change)
        found = switches.switched_off()
    if not json:
        typer.echo(_told(scope, off=off, made=made))
    _print(found, settings, json=json, changed=made)


def _scope(service: str, all_: bool) -> str:
    if bool(service) == all_:
        raise UsageError("one of SERVICE and --all is needed", where="services")
    if service and find(service) is None:
        known = ", ".join(each.id for each in REGISTRY)
        raise UsageError("the service is not known", where=service, hint=f"There are: {known}.")
    return service or ALL_SERVICES


def _told(scope: str, *, off: bool, made: bool) -> str:
    everything, state = scope == ALL_SERVICES, "off" if off else "on"
    if made:
        what = ("Everything" if off else "What --all switched off") if everything else scope
        return f"{what} is switched {state}. Running services follow within a second."
    if off:
        return f"Nothing to do: {'everything' if everything else scope} is off already."
    return f"Nothing to do: {'--all' if everything else scope} was not switched off."


def _print(
    found: tuple[SwitchedOff, ...], settings: Settings, *, json: bool, changed: bool | None = None
) -> None:
    """Every service with what keeps it off: its own switch, that of all, or the settings."""
    off = {each.scope: each for each in found}
    enabled = settings.services.enabled
    rows = [_row(each.id, off, enabled, silent_state(settings, each.id)) for each in REGISTRY]
    result: dict[str, Any] = {"all": _as_json(off.get(ALL_SERVICES)), "services": rows}
    lines = [_line(row) for row in rows]
    if ALL_SERVICES in off:
        lines.insert(0, f"ALL SERVICES ARE OFF, {_why(result['all'])}")
    result |= {} if changed is None else {"changed": changed}
    print_result(result, "\n".join(lines), json=json)


def _row(
    service_id: str, off: dict[str, SwitchedOff], enabled: tuple[str, ...], silent: str
) -> dict[str, Any]:
    own = off.get(service_id)
    return {
        "id": service_id,
        "enabled": service_id in enabled,
        "answers": service_id in enabled and own is None and ALL_SERVICES not in off,
        "off": _as_json(own),
        "silent": silent,
    }


def _as_json(row: SwitchedOff | None) -> dict[str, str] | None:
    if row is None:
        return None
    since = datetime.fromtimestamp(row.since, UTC).isoformat(timespec="seconds")
    return {"since": since, "by": row.by, "reason": row.reason, "event_id": row.event_id}


def _line(row: dict[str, Any]) -> str:
    state = "on" if row["answers"] else "off"
    told = f", {_why(row['off'])}" if row["off"] else ""
    silent = f", {row['silent']}" if row["silent"] and row["answers"] else ""
    more = "" if row["enabled"] else "; not in services.enabled"
    return f"{row['id']}: {state}{silent}{told}{more}"


def _why(row: Any) -> str:
    return f"since {row['since']} by {row['by']}: {row['reason']}"
