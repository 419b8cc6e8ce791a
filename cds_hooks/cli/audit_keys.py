"""`chartside audit erase | hold | rotate | new-key | key | seal | check | backup | restore`.

Imported by `cds_hooks.cli.audit`, whose group these commands join.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cds_hooks.audit import KeyRefused, SiteKey
from cds_hooks.audit.backup import back_up, check_copy, restore
from cds_hooks.audit.checking import Checked
from cds_hooks.audit.custody import Custodian
from cds_hooks.audit.errors import StoreRefused
from cds_hooks.audit.retention import Hold, HoldKind
from cds_hooks.cli.audit_held import HeldBy, device_key, next_key, tell_key
from cds_hooks.cli.audit_held import new_key as made_key
from cds_hooks.cli.audit_source import public_keys
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.patient_keys import patient_keys
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings

__all__ = ["add_to"]

Config = Annotated[Path | None, typer.Option(help="Settings file (TOML) of the service.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Server = Annotated[
    str | None,
    typer.Option(help="The FHIR server that the id is of, as EHRs name it; '' if they name none."),
]
Patient = Annotated[
    str, typer.Option(help="The patient's id; better left out and typed when asked, or piped in.")
]

_NOT_WHOLE = 1
_INTERRUPTED = 130

hold_app = typer.Typer(
    name="hold", help="Keep records from being deleted or erased.", no_args_is_help=True
)


def add_to(group: typer.Typer) -> None:
    """Put these commands into the `audit` group."""
    for name, command in _COMMANDS.items():
        group.command(name)(command)
    group.add_typer(hold_app)


def erase(
    fhir_server: Server = None,
    patient: Patient = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Destroy the keys of one patient's records: nobody can read them any more.

    May be done while the service runs. What it has in memory it forgets within
    `services.recall_s` seconds; a consultation that is at work just now may still be recorded.
    """
    settings = load_settings(config)
    key = site_key(settings)
    whose = patient_keys(settings, key, _patient_id(patient), _server(settings, fhir_server))
    with _custodian(settings, key) as custodian:
        count = sum(custodian.count(each) for each in whose)
        if not yes:
            _confirm(f"{count} consultations will be unreadable for ever. Go on?")
        done = [custodian.erase(each) for each in whose]
    told: dict[str, Any] = {
        "keys": sum(len(each.done.keys) for each in done),
        "consultations": sum(each.done.consultations for each in done),
        "cards": sum(each.done.cards for each in done),
        "feedback": sum(each.done.feedback for each in done),
        "scrubbed": all(each.scrubbed for each in done),
    }
    text = "Erased: {keys} keys, {consultations} consultations, {cards} cards, {feedback} feedback."
    if not told["scrubbed"]:
        text += " The database clears its files of the old key once nobody reads; do it again then."
    if not told["keys"]:
        text += " Nothing is kept under this id on this server: look at both."
    _say(told, text.format(**told), json=json)


@hold_app.command("place")
def place_hold(
    reference: Annotated[str, typer.Option(help="The case's number; never a name.")],
    consultation: Annotated[str, typer.Option(help="A consultation's id, for that one.")] = "",
    fhir_server: Server = None,
    patient: Patient = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Keep a patient's records, or one consultation, until the hold is released."""
    settings = load_settings(config)
    key = site_key(settings)
    subjects: list[tuple[HoldKind, str]] = [("consultation", consultation)]
    if not consultation:
        server = _server(settings, fhir_server)
        whose = patient_keys(settings, key, _patient_id(patient), server)
        subjects = [("patient", each) for each in whose]
    with _custodian(settings, key) as custodian:
        placed = [custodian.hold(kind, subject, reference) for kind, subject in subjects]
    lines = "\n".join(f"{hold.id}  {hold.kind}  {hold.reference}" for hold in placed)
    _say({"holds": [_told(hold) for hold in placed]}, lines, json=json)


@hold_app.command("release")
def release_hold(
    hold: Annotated[str, typer.Argument(help="The hold's id, from `list`.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """End a hold: retention and erasure apply again."""
    with _opened(config) as custodian:
        ended = custodian.release(hold)
    _say(_told(ended), f"Released: {ended.reference}.", json=json)


@hold_app.command("list")
def list_holds(config: Config = None, json: Json = False) -> None:
    """Tell what is held, and under which reference."""
    with _opened(config) as custodian:
        found = custodian.holds()
    lines = "\n".join(f"{hold.id}  {hold.kind}  {hold.reference}" for hold in found)
    _say({"holds": [_told(hold) for hold in found]}, lines or "Nothing is held.", json=json)


def rotate(
    new_key: Annotated[Path, typer.Option(help="Where the new key goes; made if not there.")],
    held_by: HeldBy = "file",
    held_key: Annotated[
        str, typer.Option(help="The device's or Vault's key, if not the one of the settings.")
    ] = "",
    config: Config = None,
    json: Json = False,
) -> None:
    """Wrap every patient's key with a new site key; pseudonyms stay as they are.

    Stop the service first, then start it with `store.site_key` naming the new file. Killed in the
    midst, nothing has changed: do it again with the same file. With --held-by the new key stays in
    the device or in Vault, and the file says so; back to a file goes the same way.
    """
    settings = load_settings(config)
    old = site_key(settings)
    new = next_key(new_key, old, settings, held_by, held_key)
    with _custodian(settings, old) as custodian:
        try:
            if custodian.is_in_use():
                hint = "Stop it: it would go on with the old key and record nothing new."
                raise StoreRefused("a service uses the store", hint=hint)
            with _bar("keys", json=json) as heard:
                count = custodian.rotate(new, heard)
        except StoreRefused:
            if not _is_rotated(settings, new):
                raise
            count = 0
    told = {"keys": count, "new_key": new.key_id, "file": str(new_key)}
    text = (
        f"{count} keys are wrapped by {new.key_id}. Set store.site_key to {new_key}, "
        "start the service, and keep the old key as long as backups made under it."
    )
    _carry_marks(settings, new_key)
    _say(told, text, json=json)


def new_key(
    file: Annotated[Path, typer.Argument(help="Where the key goes; must not be there.")],
    held_by: HeldBy = "file",
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a site key for a new store, readable by its owner alone."""
    if file.exists():
        hint = "Give another name; to replace the key of a store: chartside audit rotate."
        raise KeyRefused("there is a file already", where=str(file), hint=hint)
    made = made_key(file, held_by, config)
    _say({"file": str(file), "key": made.key_id}, f"{made.key_id} in {file}", json=json)


def seal(config: Config = None, json: Json = False) -> None:
    """Encrypt what an earlier version of the service left in clear."""
    with _opened(config) as custodian:
        count = custodian.seal_plain()
    _say({"sealed": count}, f"{count} records were sealed.", json=json)


def check(
    copy: Annotated[
        Path | None, typer.Argument(help="A backup; without it the store of the settings.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Open every record of the store, or of a backup: database, payloads, ledger.

    Ends with 1 when something cannot be read.
    """
    settings = load_settings(config)
    key, keys = site_key(settings), public_keys([], settings)
    with _bar("payloads", json=json) as heard:
        if copy is not None:
            found = check_copy(copy, key, keys, heard)
        else:
            with _custodian(settings, key) as custodian:
                found = custodian.checked(keys, heard)
    _say(_figures(found), _told_of(found), json=json)
    if not found.is_whole:
        raise typer.Exit(_NOT_WHOLE)


def backup(
    to: Annotated[Path, typer.Option(help="File of the copy; must not be there.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Copy the store while the service runs, and read the copy whole.

    Payloads are encrypted in it as they are in the store: keep the site key elsewhere.
    """
    settings = load_settings(config)
    key, keys = site_key(settings), public_keys([], settings)
    with _bar("pages", json=json) as heard:
        found = back_up(store_config(settings), key, to, keys, heard)
    told = {"file": str(to), **_figures(found)}
    _say(told, f"{to}: {_told_of(found)}", json=json)


def restore_copy(
    copy: Annotated[Path, typer.Option("--from", help="A file that `backup` made.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up the store that is there.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Put a backup in the store's place, and erase again what was erased since.

    The service must be stopped.
    """
    settings = load_settings(config)
    key, keys = site_key(settings), public_keys([], settings)
    done = restore(copy, store_config(settings), key, keys, replace_it=replace)
    told = {**_figures(done.checked), "keys_erased_again": len(done.erased.keys)}
    again = f" {len(done.erased.keys)} patients' keys were erased again."
    _say(told, _told_of(done.checked) + again, json=json)


_COMMANDS: dict[str, Callable[..., None]] = {
    "erase": erase,
    "rotate": rotate,
    "new-key": new_key,
    "key": tell_key,
    "device-key": device_key,
    "seal": seal,
    "check": check,
    "backup": backup,
    "restore": restore_copy,
}


def _patient_id(given: str) -> str:
    """The id as it was given, typed at a prompt that does not show it, or piped in."""
    if not given and sys.stdin.isatty():
        given = str(typer.prompt("Patient id", hide_input=True, err=True))
    given = (given or sys.stdin.readline()).strip().removeprefix("Patient/")
    if not given:
        raise UsageError("no patient id was given", where="patient", hint="Type it or pipe it in.")
    return given


def _server(settings: Settings, given: str | None) -> str:
    """The server that was named, or the only one there is."""
    bases = settings.fhir.allowed_bases
    if given is None and len(bases) == 1:
        return bases[0]
    if given is None:
        hint = "Give --fhir-server URL: ids are of one server; '' if EHRs name none."
        raise UsageError(
            "it is not clear which server's id this is", where="fhir-server", hint=hint
        )
    return given


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", where="yes", hint="Give --yes to go on.")
    if not typer.confirm(question, err=True):
        raise typer.Exit(_INTERRUPTED)


def _custodian(settings: Settings, key: SiteKey) -> Custodian:
    return Custodian(store_config(settings), key)


@contextmanager
def _opened(config: Path | None) -> Iterator[Custodian]:
    settings = load_settings(config)
    with _custodian(settings, site_key(settings)) as custodian:
        yield custodian


def _is_rotated(settings: Settings, new: SiteKey) -> bool:
    """Whether an earlier run, killed after its end, has done it already."""
    try:
        with _custodian(settings, new) as custodian:
            custodian.holds()
    except StoreRefused:
        return False
    return True


def _carry_marks(settings: Settings, new_key: Path) -> None:
    """Marks of erased keys lie beside the site key: the new one gets a copy."""
    old, new = store_config(settings).erased_keys, new_key.with_name(f"{new_key.name}.erased")
    if old is None or not old.exists() or new.exists():
        return
    new.touch(mode=0o600)
    new.write_bytes(old.read_bytes())


@contextmanager
def _bar(unit: str, *, json: bool) -> Iterator[Callable[[int, int], None]]:
    """Hears how many are done of how many; shows it to a person who watches."""
    console = Console(stderr=True)
    if json or not console.is_terminal:
        yield lambda _done, _all: None
        return
    columns = (TextColumn(unit), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(unit, total=None)
        yield lambda done, every: progress.update(task, completed=done, total=every)


def _told(hold: Hold) -> dict[str, Any]:
    return asdict(hold)


def _figures(found: Checked) -> dict[str, Any]:
    return {"whole": found.is_whole, **asdict(found)}


def _told_of(found: Checked) -> str:
    if found.damage:
        return "NOT whole: the database is damaged."
    counts = f"{found.opened} payloads were opened, {found.erased} are erased"
    plain = f", {found.plain} are not encrypted" if found.plain else ""
    ledger = found.ledger or "whole"
    unreadable = f" {len(found.unreadable)} payloads CANNOT be read:" if found.unreadable else ""
    named = f" {' '.join(found.unreadable[:5])}." if found.unreadable else ""
    back = f" {len(found.earlier)} are NOT in the state the ledger says:" if found.earlier else ""
    named_back = f" {' '.join(found.earlier[:5])}." if found.earlier else ""
    whole = f"{counts}{plain}; ledger of {found.records} records: {ledger}."
    return f"{whole}{unreadable}{named}{back}{named_back}"


def _say(told: dict[str, Any], text: str, *, json: bool) -> None:
    typer.echo(orjson.dumps(told).decode() if json else text)
