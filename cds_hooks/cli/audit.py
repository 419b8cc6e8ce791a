"""`chartside audit`: verify, prove, query and export the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.entries import user_ref
from cds_hooks.audit.ledger.errors import ExportUnreadable, ProofInvalid
from cds_hooks.audit.ledger.export import write
from cds_hooks.audit.ledger.page import Page
from cds_hooks.audit.ledger.prove import Proof, prove
from cds_hooks.audit.ledger.query import Question, matching
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.ledger.signing import PublicKey, SigningKey
from cds_hooks.audit.ledger.verify import Finding, Report, Verifier, signed_checkpoints
from cds_hooks.audit.ledger.vouched import Earlier, Vouching
from cds_hooks.cli import audit_keys, show
from cds_hooks.cli.audit_feedback import feedback
from cds_hooks.cli.audit_fhir import write_fhir
from cds_hooks.cli.audit_source import Source, opened, public_keys
from cds_hooks.cli.audit_witness import witnessed
from cds_hooks.cli.patient_keys import patient_keys
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings

__all__ = ["audit_app"]

audit_app = typer.Typer(
    name="audit",
    help="The ledger of who was shown what, and the keeping of records: holds, keys, backups.",
    no_args_is_help=True,
    add_completion=False,
)
audit_keys.add_to(audit_app)
audit_app.command("feedback")(feedback)

_BAD = 1
_STEP = 500

Config = Annotated[Path | None, typer.Option(help="Settings file (TOML) of the service.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Keys = Annotated[
    list[Path] | None,
    typer.Option("--public-key", help="Key that must have signed; may be given several times."),
]
Folder = Annotated[Path | None, typer.Option("--export", help="An export instead of the store.")]


@audit_app.command("verify")
def verify(
    target: Annotated[
        Path | None, typer.Argument(help="Folder of an export, or a proof; without it the store.")
    ] = None,
    public_key: Keys = None,
    witness: Annotated[
        Path | None,
        typer.Option(help="Folder of the witness's copies, or a FHIR Bundle of them (JSON)."),
    ] = None,
    witness_fhir: Annotated[
        bool, typer.Option("--witness-fhir", help="Ask the FHIR server of the settings as well.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check that no record was changed, moved, removed, inserted or cut off.

    Of an export or a proof nothing is needed but the public key. Ends with 1 and the first record
    that is not vouched for when something is wrong, with 3 when it cannot be read.
    """
    settings = load_settings(config) if target is None else None
    if target is not None and not public_key:
        hint = "Give --public-key with the key that the site gave you, not the one beside it."
        raise ExportUnreadable("there is no key to verify with", hint=hint)
    keys = public_keys(public_key or [], settings)
    if target is not None and target.is_file():
        _verify_proof(target, keys, json=json)
        return
    kept = witnessed(witness, load_settings(config) if witness_fhir else None)
    with opened(target, config) as source:
        report = _verified(source, keys, kept, json=json)
    _tell(report, source.name, witnessed=bool(kept), json=json)
    if not report.is_whole:
        raise typer.Exit(_BAD)


@audit_app.command("prove")
def prove_record(
    seq: Annotated[int, typer.Argument(help="The record's number, from 0.", min=0)],
    output: Annotated[Path | None, typer.Option(help="File for the proof; else printed.")] = None,
    since: Annotated[
        Path | None, typer.Option(help="A checkpoint held before: prove that it is continued.")
    ] = None,
    export: Folder = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write a proof of one record that `verify` checks with the public key alone."""
    with opened(export, config) as source:
        note = _newest(source)
        earlier = since.read_text("utf-8") if since else ""
        proof = prove(seq, source.get(seq), note, source.reader(), earlier)
    if output is None:
        typer.echo(proof.to_json().decode(), nl=False)
        return
    output.write_bytes(proof.to_json())
    told = {"seq": seq, "proof": str(output), "hashes": len(proof.path)}
    _say(told, f"record {seq}: {len(proof.path)} hashes, written to {output}", json=json)


@audit_app.command("query")
def query(
    patient: Annotated[str, typer.Option(help="A patient's id, as on its FHIR server.")] = "",
    server: Annotated[str, typer.Option(help="That FHIR server, as the EHR names it.")] = "",
    user: Annotated[str, typer.Option(help="A user, like Practitioner/123.")] = "",
    consultation: Annotated[str, typer.Option(help="A consultation's id.")] = "",
    type_: Annotated[list[str] | None, typer.Option("--type", help="Types of records.")] = None,
    since: Annotated[str, typer.Option(help="UTC, like 2026-11-22 or 2026-11-22T14:30.")] = "",
    until: Annotated[str, typer.Option(help="The same; a day includes all of it.")] = "",
    export: Folder = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Tell who saw which patient's data, when and why.

    A patient or a user is found by the site's key, so that takes the service's settings, also for
    an export. With --json, one record a line.
    """
    patients: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    if patient or user:
        settings = load_settings(config)
        key = site_key(settings)
        patients = frozenset(patient_keys(settings, key, patient, server)) if patient else patients
        users = frozenset({user_ref(key, user), user}) if user else users
    asked = Question(patients, users, consultation, frozenset(type_ or ()), since, until)
    with opened(export, config) as source:
        found = matching(source.records(), asked)
        if json:
            for record in found:
                typer.echo(record.data.decode())
        else:
            _table(found)


@audit_app.command("export")
def export_ledger(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    format_: Annotated[
        str, typer.Option("--format", help="ledger; or FHIR lines: auditevents, provenance.")
    ] = "ledger",
    export: Folder = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write records, checkpoints, public key and a page to read, for whoever verifies alone.

    As `auditevents` (IHE BALP) or `provenance` (HL7 AI Transparency) it writes FHIR R4 instead, one
    resource a line; of an export with --export.
    """
    settings = load_settings(config)
    if format_ != "ledger":
        with opened(export, config) as source:
            place, count = write_fhir(folder, source.records(), format_, settings)
        told = {"file": str(place), "resources": count}
        _say(told, f"{count} resources in {place}", json=json)
        return
    keys = public_keys([], settings)
    page = Page()
    with opened(None, config) as source:
        notes = list(source.notes())
        records = _shown(page.watching(source.records()), source.total, json=json)
        line = keys[0].line()
        count = write(folder, records, notes, line)
    _write_page(folder, page.html(len(notes), line))
    told = {"folder": str(folder), "records": count, "checkpoints": len(notes), "public_key": line}
    text = f"{count} records and {len(notes)} checkpoints in {folder}"
    _say(told, text, json=json)


@audit_app.command("keygen")
def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key goes.")],
    name: Annotated[str, typer.Option(help="`ledger.name` of the settings.")] = "chartside",
    json: Json = False,
) -> None:
    """Make a key that signs checkpoints, and print its public half for the reviewers."""
    if file.exists():
        hint = "Give another name: a key that signed is kept."
        raise ExportUnreadable("there is a file already", where=str(file), hint=hint)
    line = SigningKey.load(file, name, create=True).public.line()
    _say({"file": str(file), "public_key": line}, line, json=json)


def _verified(
    source: Source, keys: tuple[PublicKey, ...], kept: Iterable[str], *, json: bool
) -> Report:
    notes = [*source.notes(), *kept]
    verifier = Verifier(*signed_checkpoints(notes, keys))
    vouching = Vouching(source.stored())
    for seq, data in enumerate(_shown(source.records(), source.total, json=json)):
        if not verifier.add(data):
            break
        vouching.add(seq, data)
    report = verifier.report()
    root = source.root()
    if report.is_whole and root is not None and root != report.root:
        text = "the stored tree is not the one over the stored records"
        finding = Finding(report.covered, "tree-differs", text)
        return replace(report, finding=finding)
    if report.is_whole and (earlier := source.earlier(vouching)):
        finding = Finding(earlier[0].seq, "earlier-state", _put_back(earlier))
        return replace(report, finding=finding)
    return report


def _put_back(earlier: tuple[Earlier, ...]) -> str:
    others = f", and {len(earlier) - 1} more" if len(earlier) > 1 else ""
    told = f"the store has another state of consultation {earlier[0].consultation} than this record"
    return f"{told} vouches for{others}; chartside audit check lists them"


def _verify_proof(file: Path, keys: tuple[PublicKey, ...], *, json: bool) -> None:
    record, signed = Proof.parse(file.read_bytes()).verified(*keys)
    told = {"whole": True, "seq": record.seq, "size": signed.size, "record": dict(record.fields)}
    text = (
        f"record {record.seq} ({record.type}, {record.recorded}) stands in the ledger of "
        f"{signed.size} records that {signed.origin} signed {signed.made}"
    )
    _say(told, text, json=json)


def _tell(report: Report, name: str, *, witnessed: bool, json: bool) -> None:
    open_end = report.records - report.covered
    if (finding := report.finding) is not None:
        told = {"first_bad": finding.seq, "code": finding.code, "text": finding.text}
        text = f"{name}: NOT whole. First record not vouched for: {finding.seq} ({finding.text})"
        _say({"whole": False, "records": report.records, **told}, text, json=json)
        return
    text = (
        f"{name}: whole. {report.records} records, {report.checkpoints} signed checkpoints"
        + (f"; {open_end} records are newer than the last one" if open_end else "")
        + ("" if witnessed else "; without a witness, records cut off at the end are not seen")
    )
    counts = {"records": report.records, "covered": report.covered}
    told = {**counts, "checkpoints": report.checkpoints, "root": report.root.hex()}
    _say({"whole": True, "witnessed": witnessed, **told}, text, json=json)


def _newest(source: Source) -> str:
    notes = list(source.notes())
    if not notes:
        hint = "A running service signs at an interval (ledger.every_s), and when it stops."
        raise ProofInvalid("no checkpoint was signed yet", hint=hint)
    return max(notes, key=lambda note: checkpoint.parse(note).size)


def _table(found: Iterable[Record]) -> None:
    table = Table("seq")
    # A moment that is cut off tells nothing.
    table.add_column("when (UTC)", no_wrap=True, min_width=len("2026-11-28T19:34:22Z"))
    for heading in ("type", "hook or service", "client", "user", "outcome"):
        table.add_column(heading, overflow="fold")
    table.add_column("cards", justify="right")
    for record in found:
        named = record.text("hook") or record.text("service_id")
        cells = (record.recorded, record.type, named, record.text("client_iss"))
        user, outcome = record.text("user_ref")[:18], record.text("outcome")
        shown = record.fields.get("cards", [])
        table.add_row(str(record.seq), *cells, user, outcome, str(len(shown)))
    console = show.screen()
    console.print(table)
    console.print(f"{table.row_count} records")


def _shown(records: Iterable[bytes], total: int, *, json: bool) -> Iterator[bytes]:
    """The records as they pass, with a bar for a person who watches."""
    console = Console(stderr=True)
    if json or not console.is_terminal:
        yield from records
        return
    columns = (TextColumn("{task.percentage:.0f} %"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task, passed = bar.add_task("", total=total), 0
        for number, data in enumerate(records):
            passed += len(data) + 1
            if number % _STEP == 0:
                bar.update(task, completed=passed)
            yield data


def _write_page(folder: Path, html: str) -> None:
    place = folder / "index.html"
    place.touch(mode=0o600)
    place.write_text(html, encoding="utf-8")


def _say(told: dict[str, object], text: str, *, json: bool) -> None:
    typer.echo(orjson.dumps(told).decode() if json else text)
