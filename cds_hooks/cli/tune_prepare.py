"""`chartside tune prepare`: cases as training examples, apart from all that is measured."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import prompts
from cds_hooks import evaluation
from cds_hooks.cli import show
from cds_hooks.cli.stored_consultation import ReasonOption
from cds_hooks.cli.tune_options import (
    ApartFrom,
    Data,
    Examples,
    Full,
    Measured,
    Model,
    SuiteName,
    Teacher,
    Traces,
    Trial,
)
from cds_hooks.cli.tune_sources import Gathered, SuiteOrder
from cds_hooks.cli.tune_trial import read_trial, record_set
from cds_hooks.evaluation.suites.suite import OnError
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.inference.model_files.split_files import read_model
from cds_hooks.plausibility import Terminology
from cds_hooks.settings import Settings, load_settings
from cds_hooks.settings.default_paths import written
from cds_hooks.tuning.dividing import Shares
from cds_hooks.tuning.manifest import ModelPart, TuningManifest
from cds_hooks.tuning.prepare import Preparing, prepare
from cds_hooks.tuning.teacher import read_teacher, with_teacher
from cds_hooks.tuning.tokeniser import ModelTokens
from cds_hooks.tuning.tuning_errors import TuningDataError
from cds_hooks.tuning.writing import write_set

__all__ = ["prepare_set"]

_TEMPLATES = Path(evaluation.__file__).parent / "runs" / "templates"


@dataclass(frozen=True, slots=True)
class _Preparation:
    full: bool
    seed: int
    shares: Shares
    sequence: int
    traces: bool


def prepare_set(
    output: Annotated[Path, typer.Option(help="A new folder for the set.")] = written("tune/set"),
    suite: SuiteName = "",
    data: Data = None,
    labels: Annotated[Path | None, typer.Option(help="Truths beside an NDJSON export.")] = None,
    trial: Trial = False,
    since: Annotated[str, typer.Option(help="First day of the trial (UTC).")] = "2000-01-01",
    until: Annotated[str, typer.Option(help="Last day of the trial (UTC); else today.")] = "",
    reason: ReasonOption = "",
    examples: Examples = None,
    teacher: Teacher = None,
    measured: Measured = None,
    apart_from: ApartFrom = None,
    model: Model = None,
    full: Full = False,
    traces: Traces = True,
    sequence: Annotated[int, typer.Option(min=64, help="Longest example, in tokens.")] = 2048,
    seed: Annotated[int, typer.Option(min=0, help="Of the split and of shuffled options.")] = 0,
    heldout: Annotated[float, typer.Option(help="Share of patients whose loss ends it.")] = 0.1,
    unseen: Annotated[float, typer.Option(help="Share of patients kept for measuring.")] = 0.2,
    on_error: Annotated[OnError, typer.Option(help="At a line that is broken.")] = OnError.STOP,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a training set: split by patient, apart from what is measured, answers marked.

    Patient text in it stays in files that only you may read. What is left out is counted by reason.
    """
    now, settings = datetime.now(UTC), load_settings(config)
    found, order = Gathered(now), SuiteOrder(suite, data, labels, seed, on_error)
    asked = _Preparation(full, seed, _shares(heldout, unseen), sequence, traces)
    if suite:
        found.from_suite(order)
    if examples is not None:
        found.from_file(examples)
    if trial:
        found.from_trial(asyncio.run(read_trial(settings, since, until, reason)))
    found.require_cases()
    if teacher is not None:
        found.drafts = with_teacher(found.drafts, read_teacher(teacher))
    found.keep_from(apart_from, measured or data, suite)
    manifest = _prepared(found, asked, settings, model, output, now)
    if trial:
        counts = {name: part.examples for name, part in manifest.parts.items()}
        asyncio.run(record_set(settings, output, counts))
    _tell(output, manifest, json=json)


def _prepared(
    found: Gathered,
    asked: _Preparation,
    settings: Settings,
    model: Path | None,
    output: Path,
    now: datetime,
) -> TuningManifest:
    with contextlib.ExitStack() as stack:
        tokens = stack.enter_context(_tokens(settings, model)) if model else None
        progress = stack.enter_context(_progress())
        task = progress.add_task("preparing", total=len(found.drafts))
        how = Preparing(
            template=_template(asked.full),
            terminology=stack.enter_context(Terminology(settings.terminology.path)),
            key=secrets.token_bytes(32),
            seed=asked.seed,
            shares=asked.shares,
            sequence=asked.sequence,
            with_traces=asked.traces,
            tokens=tokens,
            told=lambda n: progress.advance(task, n),
        )
        made = prepare(found.drafts, found.measured, how)
        made.dropped.update(found.dropped)
    part = _model_part(model) if model else None
    return write_set(
        output, made, how, sources=found.sources, apart_from=found.compared, model=part, now=now
    )


def _shares(heldout: float, unseen: float) -> Shares:
    try:
        return Shares(heldout, unseen)
    except ValueError as error:
        raise TuningDataError(str(error), where="--heldout, --unseen") from None


def _tokens(settings: Settings, model: Path) -> ModelTokens:
    entry = known_entry(load_catalogue(settings.model.catalogue), model)
    return ModelTokens.start(model, entry, confine=settings.egress.confine_engine)


def _model_part(model: Path) -> ModelPart:
    template = read_model(model).chat_template.encode()
    return ModelPart(
        file=model.name,
        sha256=sha256_of(model),
        chat_template_sha256=hashlib.sha256(template).hexdigest(),
    )


def _template(full: bool) -> prompts.Template:
    if full:
        return prompts.load("differential")
    return prompts.load("differential-brief", root=_TEMPLATES)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


def _tell(folder: Path, manifest: TuningManifest, *, json: bool) -> None:
    if json:
        told = manifest.model_dump(mode="json") | {"folder": str(folder)}
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        _table(show.screen(), manifest)
    console = show.screen(json=json)
    console.print(f"{folder}/manifest.json", markup=False)
    if manifest.patient_text:
        console.print(
            f"{folder} holds what charts say, de-identified by masking, not anonymous: mode 0600, "
            "and it stays on this site.",
            markup=False,
        )


def _table(console: Console, manifest: TuningManifest) -> None:
    table = Table("part", "examples", "patients", "traces", "median tokens", "longest", "learned")
    for name, part in manifest.parts.items():
        tokens = part.tokens
        lengths = (tokens.median, tokens.longest, tokens.marked) if tokens else ("", "", "")
        cells = (part.examples, part.patients, part.traces, *lengths)
        table.add_row(name, *map(str, cells))
    console.print(table)
    like = len(manifest.removed)
    same = sum(each.same_answer for each in manifest.removed)
    console.print(f"{like} left out: like a measured case ({same} with the same answer)")
    for title, counts in (("left out", manifest.dropped), ("traces", manifest.traces_dropped)):
        for reason, count in counts.items():
            console.print(f"{title}: {count} {reason}", markup=False)
