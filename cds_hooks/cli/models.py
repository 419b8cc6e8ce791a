"""`chartside models`: admit a model file, and read what admitted one."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from cds_hooks.admission.lookup import SUFFIX
from cds_hooks.admission.record import AdmissionError, AdmissionRecord, Purpose
from cds_hooks.admission.signing import (
    create_key,
    load_public_key,
    load_signing_key,
    sign,
    verify,
)
from cds_hooks.cli import show
from cds_hooks.cli.evaluation_fitted import unseen_by
from cds_hooks.cli.evaluation_run import Asking, bench
from cds_hooks.cli.models_files import advise_models, bench_model, check_model, list_models
from cds_hooks.cli.verifier_runs import read_file
from cds_hooks.evaluation.admission.acceptance import acceptance_suite
from cds_hooks.evaluation.admission.decision import decide
from cds_hooks.evaluation.admission.improvement import base_of, improvement_of_runs
from cds_hooks.evaluation.runs.runner import run_suite
from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.inference.model_files.split_files import digest_of, read_model
from cds_hooks.settings import Settings, load_settings
from cds_hooks.verifier import digest

__all__ = ["models_app"]

models_app = typer.Typer(
    name="models",
    help="Know models, admit them, read admissions.",
    no_args_is_help=True,
    add_completion=False,
)
models_app.command("list")(list_models)
models_app.command("check")(check_model)
models_app.command("advise")(advise_models)
models_app.command("bench")(bench_model)


@models_app.command("admit")
def admit(
    file: Annotated[Path, typer.Argument(help="The GGUF file.")],
    who: Annotated[str, typer.Option(help="Who admits it, as the record shall say.")],
    key: Annotated[Path, typer.Option(help="Signing key (PEM); made when there is none.")],
    purpose: Annotated[Purpose, typer.Option(help="What for.")] = Purpose.CLINICAL,
    output: Annotated[Path | None, typer.Option(help="The record; beside the file.")] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="First cases only, for demonstration alone; 0: all.")
    ] = 0,
    run: Annotated[
        Path | None, typer.Option(help="A tuned model's run: it must be better than --base-run.")
    ] = None,
    base_run: Annotated[
        Path | None, typer.Option(help="The run of its base over the same cases.")
    ] = None,
    verifier: Annotated[
        Path | None, typer.Option(help="The verifier's file that may rank its diagnoses.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the record.")] = False,
) -> None:
    """Run the acceptance set through the whole service and write a signed record.

    A model with an adapter is admitted only where it is better than its base: give both runs.
    """
    if limit and purpose is not Purpose.DEMONSTRATION:
        hint = "With --limit give --purpose demonstration."
        raise AdmissionError("a part of the acceptance set admits for no patient", hint=hint)
    if (run is None) != (base_run is None):
        raise AdmissionError("--run and --base-run go together", where="--run")
    settings = _with_verifier(_with_model(load_settings(config), file), verifier)
    ranks = digest(read_file(found)) if (found := settings.verifier.file) else ""
    _refuse_another(settings)
    signing = load_signing_key(key) if key.exists() else create_key(key)
    measured = asyncio.run(_measure(settings, purpose, who, limit, _runs(base_run, run)))
    path = output or file.with_name(f"{file.name}{SUFFIX}")
    ranked = measured.model_copy(update={"verifier_sha256": ranks})
    path.write_bytes(signed := sign(ranked, signing))
    record = verify(signed, [signing.public_key()])
    _tell(record, json=json)
    show.screen(json=True).print(f"{path}")
    if not record.admitted:
        raise typer.Exit(1)


@models_app.command("verify")
def verify_record(
    record: Annotated[Path, typer.Argument(help="The admission record.")],
    key: Annotated[Path, typer.Option(help="Public key (PEM) that is trusted.")],
    json: Annotated[bool, typer.Option("--json", help="Print the record.")] = False,
) -> None:
    """Check the signature of an admission record and print what it says."""
    try:
        document = record.read_bytes()
    except OSError as error:
        raise AdmissionError("cannot be read", where=str(record)) from error
    _tell(verify(document, [load_public_key(key)]), json=json)


def _runs(base: Path | None, tuned: Path | None) -> tuple[Path, Path] | None:
    return None if base is None or tuned is None else (base, tuned)


async def _measure(
    settings: Settings, purpose: Purpose, who: str, limit: int, runs: tuple[Path, Path] | None
) -> AdmissionRecord:
    console, now = Console(stderr=True), datetime.now(UTC)
    suite = unseen_by(acceptance_suite(now, limit=limit), settings, None, leave_out=False, limit=0)
    asking = Asking(brief=False, engines=1 if len(suite.cases) == 1 else 0)
    async with contextlib.AsyncExitStack() as stack:
        status = stack.enter_context(console.status("loading the model"))
        service = await stack.enter_async_context(bench(settings, now, asking))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chartside-admit-")))
        manifest = service.manifest(suite)
        parts = service.runtimes[0].engine.model.parts
        known = base_of(parts, len(settings.model.adapters))
        better = improvement_of_runs(*runs, manifest, base_sha256=known) if runs else None
        results = await run_suite(
            suite,
            service.answering(suite.task),
            manifest,
            folder,
            told=lambda result, done: status.update(f"{done} of {len(suite.cases)}: {result.case}"),
            concurrency=service.in_flight,
        )
    return decide(manifest, results, purpose=purpose, who=who, now=now, better=better)


def _with_model(settings: Settings, file: Path) -> Settings:
    """The same settings with this file, held to its digest."""
    update = {"path": file, "sha256": _sha256(file)}
    return settings.model_copy(update={"model": settings.model.model_copy(update=update)})


def _with_verifier(settings: Settings, file: Path | None) -> Settings:
    """The same settings, ranked by this file while the model is measured; None: as they are."""
    if file is None:
        return settings
    ranking = settings.verifier.model_copy(update={"file": file, "fixed_rules": False})
    return settings.model_copy(update={"verifier": ranking})


def _refuse_another(settings: Settings) -> None:
    """A record is of the file that was named, also where a server holds the model."""
    server = settings.model_server
    if server.bases and server.sha256 != settings.model.sha256:
        message = "the model server's model is not this file"
        hint = f"The digest of the file is {settings.model.sha256}."
        raise AdmissionError(message, where="model_server.sha256", hint=hint)


def _sha256(file: Path) -> str:
    try:
        parts = read_model(file).parts or (file,)
        return digest_of([sha256_of(part) for part in parts])
    except OSError as error:
        raise AdmissionError("the model cannot be read", where=str(file)) from error


def _tell(record: AdmissionRecord, *, json: bool) -> None:
    if json:
        body = record.model_dump(mode="json")
        typer.echo(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode())
        return
    console = show.screen()
    console.print(record.manifest.model["name"], markup=False)
    for line in record.told:
        console.print(f"  {line}", markup=False)
