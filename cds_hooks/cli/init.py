"""`chartside init`: a settings file from five questions."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer

from cds_hooks.audit import SiteKey
from cds_hooks.cli import show
from cds_hooks.cli.mapping import UsageError
from cds_hooks.settings import load_settings
from cds_hooks.settings.default_paths import written
from cds_hooks.settings.new_settings import Answers, missing_for_production, write_settings
from cds_hooks.settings.production_requirements import Lack

__all__ = ["init"]

_PROFILES = ("demo", "production")


def init(
    file: Annotated[Path, typer.Argument(help="The settings file to write.")] = Path(
        "chartside.toml"
    ),
    profile: Annotated[str, typer.Option(help="demo or production.")] = "",
    model: Annotated[Path | None, typer.Option(help="The model file (GGUF).")] = None,
    fhir_server: Annotated[str, typer.Option(help="The FHIR server's base URL.")] = "",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port.")] = None,
    certificate: Annotated[str, typer.Option(help="TLS certificate and chain (PEM).")] = "",
    key: Annotated[str, typer.Option(help="Its private key (PEM).")] = "",
    public_url: Annotated[str, typer.Option(help="The address as EHRs know it.")] = "",
    records: Annotated[Path | None, typer.Option(help="The folder where records are kept.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take what is proposed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; ask nothing.")] = False,
) -> None:
    """Write a settings file: profile, model, FHIR server, address and TLS, where records are kept.

    A file that is there already stays as it is. The site key is made where there is none. The
    result starts with `chartside serve --config FILE`; for production what is still missing is
    listed. Exit code 3: nothing was written.
    """
    asks = not (yes or json) and sys.stdin.isatty()
    answers = _proposed(profile, model, records, port)
    answers = replace(
        answers,
        fhir_server=fhir_server,
        host=host or answers.host,
        certificate=_absolute(certificate),
        key=_absolute(key),
        public_url=public_url,
    )
    if asks:
        answers = _with_answers(answers)
    _require_known(answers)
    write_settings(file, answers)
    try:
        made = _site_key(answers.site_key)
    except BaseException:
        file.unlink()
        raise
    _tell(file, made, missing_for_production(file), json=json)


def _proposed(profile: str, model: Path | None, records: Path | None, port: int | None) -> Answers:
    production = profile == "production"
    default = str(load_settings(None).model.path)
    return Answers(
        profile=profile or "demo",
        model=str(model.absolute()) if model else default,
        fhir_server="",
        host="0.0.0.0" if production else "127.0.0.1",  # noqa: S104 - with TLS and clients alone
        port=port if port is not None else 8443 if production else 8010,
        records=records.absolute() if records else _own_records(),
    )


def _own_records() -> Path:
    """Not the demonstration's own folder: a settings file is for a store of the site's."""
    return written("records").parent / "chartside-records"


def _with_answers(proposed: Answers) -> Answers:
    """The five questions, with what was given or is proposed as their defaults."""
    profile = _text("Profile (demo or production)", proposed.profile)
    if profile != proposed.profile:
        changed = _proposed(profile, None, None, None)
        proposed = replace(proposed, profile=profile, host=changed.host, port=changed.port)
    model = _text("Model file (GGUF)", proposed.model)
    fhir = _text("FHIR server that may be read (empty: only what the EHR sends)",
                 proposed.fhir_server, empty=True)  # fmt: skip
    address = _text("Address and port to listen on", f"{proposed.host}:{proposed.port}")
    host, _, port = address.rpartition(":")
    certificate = _text("TLS certificate (PEM; empty: none)", proposed.certificate, empty=True)
    key = _text("Its private key (PEM)", proposed.key, empty=True) if certificate else ""
    records = _text("Folder where records are kept", str(proposed.records))
    return replace(
        proposed,
        model=_absolute(model),
        fhir_server=fhir,
        host=host.strip("[]"),
        port=_number(port),
        certificate=_absolute(certificate),
        key=_absolute(key),
        records=Path(records).absolute(),
    )


def _text(question: str, proposed: str, *, empty: bool = False) -> str:
    default = proposed if proposed or empty else None
    return str(typer.prompt(question, default=default, show_default=bool(proposed))).strip()


def _number(port: str) -> int:
    if not port.isdecimal() or int(port) > 65535:
        hint = "Write it like 127.0.0.1:8010."
        raise UsageError("this is no address with a port", where="--port", hint=hint)
    return int(port)


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""


def _require_known(answers: Answers) -> None:
    if answers.profile not in _PROFILES:
        raise UsageError("the profile is demo or production", where="--profile")
    if not Path(answers.model).is_file():
        hint = "Name a GGUF file; `make setup` makes the demonstration's."
        raise UsageError("there is no such model file", where=answers.model, hint=hint)


def _site_key(path: Path) -> bool:
    """Make the site key where there is none; whether it was made."""
    try:
        if path.exists():
            return False
        SiteKey.load(path, create=True)
    except OSError as error:
        hint = "Name a folder with --records in which this user may write."
        message = f"the site key cannot be made ({error.strerror})"
        raise UsageError(message, where=str(path), hint=hint) from None
    return True


def _tell(file: Path, made: bool, missing: tuple[Lack, ...], *, json: bool) -> None:
    if json:
        document = {
            "file": str(file),
            "site_key_made": made,
            "missing": [{"code": x.code, "key": x.key, "todo": x.todo} for x in missing],
        }
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    lines = [f"Wrote {file}."]
    if made:
        lines.append("The site key was made: keep a copy of it apart from the records.")
    if missing:
        lines.append("Before it starts in production:")
        lines += [f"  {lack.key}: {lack.todo} ({lack.code})" for lack in missing]
        lines.append(f"An EHR is registered by: chartside clients add --config {file}")
    else:
        lines.append(f"Now: chartside serve --config {file}")
    console = show.screen()
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
