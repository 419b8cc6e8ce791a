"""`chartside clients add`: register an EHR in the settings file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.syntax import Syntax

from cds_hooks.cli import show
from cds_hooks.cli.mapping import UsageError
from cds_hooks.settings.new_client import EhrFamily, NewClient, add_client, ehr_families
from cds_hooks.settings.settings_file import as_toml

__all__ = ["clients_app"]

_FAMILIES = ", ".join(ehr_families())

clients_app = typer.Typer(
    name="clients",
    help="Which EHRs may call.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@clients_app.callback()
def _group() -> None:
    """Which EHRs may call."""


@clients_app.command("add")
def add(
    config: Annotated[Path, typer.Option(help="Settings file (TOML) to add to.")] = Path(
        "chartside.toml"
    ),
    ehr: Annotated[str, typer.Option(help=f"Which EHR: {_FAMILIES}.")] = "",
    name: Annotated[str, typer.Option(help="The site's name for it: a-z, 0-9 and -.")] = "",
    issuer: Annotated[str, typer.Option(help="`iss` of its tokens, letter for letter.")] = "",
    keys: Annotated[str, typer.Option(help="URL or file of its JWK Set.")] = "",
    audience: Annotated[
        list[str] | None, typer.Option(help="`aud` of its tokens, if not the URL that it calls.")
    ] = None,
    fhir_base: Annotated[
        list[str] | None, typer.Option(help="A FHIR server that it may name.")
    ] = None,
    tenant: Annotated[
        list[str] | None, typer.Option(help="A tenant that may call; left out: any.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take what is proposed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; ask nothing.")] = False,
) -> None:
    """Ask what an EHR's client needs, show it as TOML, and add it to the settings file.

    Comments, order and mode of the file stay. The file is changed only when its new text can be
    loaded; a name or an issuer that is there already is refused. Exit code 3: nothing was changed.
    """
    asks = not (yes or json) and sys.stdin.isatty()
    given = NewClient(
        ehr, name, issuer, keys, tuple(audience or ()), tuple(fhir_base or ()), tuple(tenant or ())
    )
    client = _with_answers(given) if asks else _proposed(given)
    _require_complete(client)
    block = as_toml("[[clients]]", client.table())
    console = show.screen(json=json)
    console.print(Syntax(block.rstrip(), "toml", background_color="default"))
    if asks and not typer.confirm(f"Add this to {config}?", default=True):
        raise typer.Exit(1)
    add_client(config, client)
    if json:
        document = {"file": str(config), "client": client.table(), "toml": block}
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    lines = [f"Added to {config}. Now see whether its keys can be read, and what it asks for:"]
    lines += [f"  chartside doctor {part} --config {config}" for part in ("key-sets", "clients")]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _family(name: str) -> EhrFamily:
    found = ehr_families().get(name)
    if found is None:
        raise UsageError("the EHR is not known", where="--ehr", hint=f"Known are {_FAMILIES}.")
    return found


def _proposed(given: NewClient) -> NewClient:
    """With what the family proposes for what was not given."""
    family = _family(given.family)
    first = next(iter(given.fhir_bases), "") if family.issuer_is_fhir_base else ""
    return replace(
        given,
        name=given.name or given.family,
        issuer=given.issuer or family.issuer or first,
        keys=given.keys or family.jku,
    )


def _with_answers(given: NewClient) -> NewClient:
    """Each question with what was given or is proposed as its default."""
    titles = ", ".join(f"{name} ({row.title})" for name, row in ehr_families().items())
    ehr = given.family or typer.prompt(f"Which EHR? {titles}", default="generic")
    given = _proposed(replace(given, family=ehr))
    name = _text("The site's name for it (a-z, 0-9, -)", given.name)
    bases = _list(
        "FHIR server that it may name (empty: none; several with spaces)", given.fhir_bases
    )
    given = _proposed(replace(given, name=name, fhir_bases=bases))
    issuer = _text("iss of its tokens, letter for letter", given.issuer)
    keys = _text("Its public keys: URL or file of a JWK Set", given.keys)
    audiences = _list("aud of its tokens (empty: the URL that it calls)", given.audiences)
    tenants = _list("Tenants that may call (empty: any)", given.tenants)
    return replace(given, issuer=issuer, keys=keys, audiences=audiences, tenants=tenants)


def _text(question: str, proposed: str) -> str:
    return str(typer.prompt(question, default=proposed or None)).strip()


def _list(question: str, proposed: tuple[str, ...]) -> tuple[str, ...]:
    shown = " ".join(proposed)
    return tuple(str(typer.prompt(question, default=shown, show_default=bool(shown))).split())


def _require_complete(client: NewClient) -> None:
    _family(client.family)
    wanted = {"--name": client.name, "--issuer": client.issuer, "--keys": client.keys}
    if missing := [option for option, value in wanted.items() if not value]:
        hint = f"Give {' and '.join(missing)}, or answer the questions on a terminal."
        raise UsageError(
            "what its tokens are compared with is missing", where=missing[0], hint=hint
        )
