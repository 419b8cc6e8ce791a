"""`chartside tune prepare`: cases as training examples, apart from all that is measured."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
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
from cds_hooks.evaluation.admission.acceptance import acceptance_suite
from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.suite_loading import load_suite
from cds_hooks.evaluation.suites.registry import known_suites
from cds_hooks.evaluation.suites.suite import OnError, Suite, Task
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.inference.model_files.split_files import read_model
from cds_hooks.plausibility import Terminology
from cds_hooks.settings import Settings, load_settings
from cds_hooks.settings.default_paths import written
from cds_hooks.tuning.dividing import Shares
from cds_hooks.tuning.draft import Draft, MeasuredCase, drafts_of_examples, drafts_of_suite
from cds_hooks.tuning.draft import measured_cases as cases_of
from cds_hooks.tuning.example import read_examples
from cds_hooks.tuning.manifest import ModelPart, SourceFacts, TuningManifest
from cds_hooks.tuning.prepare import Preparing, prepare
from cds_hooks.tuning.teacher import read_teacher, with_teacher
from cds_hooks.tuning.tokeniser import ModelTokens
from cds_hooks.tuning.tuning_errors import TuningDataError
from cds_hooks.tuning.writing import write_set

__all__ = ["prepare_set"]

_TEMPLATES = Path(evaluation.__file__).parent / "runs" / "templates"


@dataclass(slots=True)
class _Gathered:
    drafts: list[Draft] = field(default_factory=list)
    sources: list[SourceFacts] = field(default_factory=list)
    measured: list[MeasuredCase] = field(default_factory=list)
    compared: list[SourceFacts] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Preparation:
    full: bool
    seed: int
    shares: Shares
    sequence: int
    traces: bool


def prepare_set(
    output: Annotated[Path, typer.Option(help="A new folder for the set.")] = written("tune/set"),
    suite: Annotated[
        str, typer.Option(help="Cases of an evaluation suite; `own` is a site's.")
    ] = "",
    data: Annotated[
        Path | None, typer.Option(help="The suites' folder, or the file of --suite.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Truths beside an NDJSON export.")] = None,
    examples: Annotated[
        Path | None, typer.Option(help="Examples in the documented form (JSONL).")
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Traces and answers by id (JSONL), checked by the rules.")
    ] = None,
    apart_from: Annotated[
        list[str] | None,
        typer.Option(help="Suites that will be measured; all that --data holds."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="GGUF whose template and tokens are used.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full/--brief", help="The service's prompt, or the short one.")
    ] = False,
    traces: Annotated[
        bool, typer.Option("--traces/--no-traces", help="Learn the traces, too.")
    ] = True,
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
    now, settings, found = datetime.now(UTC), load_settings(config), _Gathered()
    shares = _shares(heldout, unseen)
    if suite:
        _from_suite(found, suite, data, labels, now, seed, on_error)
    if examples is not None:
        _from_file(found, examples)
    if not found.drafts:
        hint = "Name --suite with --data, or --examples."
        raise TuningDataError("there are no cases to learn from", hint=hint)
    if teacher is not None:
        found.drafts = with_teacher(found.drafts, read_teacher(teacher))
    _measured(found, apart_from, suite, data, now)
    asked = _Preparation(full, seed, shares, sequence, traces)
    manifest = _prepared(found, asked, settings, model, output, now)
    _tell(output, manifest, json=json)


def _prepared(
    found: _Gathered,
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
    part = _model_part(model) if model else None
    return write_set(
        output, made, how, sources=found.sources, apart_from=found.compared, model=part, now=now
    )


def _shares(heldout: float, unseen: float) -> Shares:
    try:
        return Shares(heldout, unseen)
    except ValueError as error:
        raise TuningDataError(str(error), where="--heldout, --unseen") from None


def _from_suite(
    found: _Gathered,
    suite: str,
    data: Path | None,
    labels: Path | None,
    now: datetime,
    seed: int,
    on_error: OnError,
) -> None:
    if data is None:
        raise TuningDataError("--suite needs --data", where=suite)
    loaded = load_suite(suite, data, now=now, on_error=on_error, labels=labels)
    for broken in loaded.rejected:
        typer.echo(f"left out: {broken.where}: {broken.why}", err=True)
    found.drafts += drafts_of_suite(loaded, now=now, seed=seed)
    found.sources.append(_facts(loaded, "suite"))


def _from_file(found: _Gathered, path: Path) -> None:
    read = read_examples(path)
    found.drafts += drafts_of_examples(read)
    digest = sha256_of(path)
    found.sources.append(SourceFacts(id=path.name, kind="file", sha256=digest, cases=len(read)))


def _measured(
    found: _Gathered, named: list[str] | None, suite: str, data: Path | None, now: datetime
) -> None:
    """The acceptance set always; then the suites that were named, or all that the folder holds but
    those of the very file that is learned from."""
    own = {source.sha256 for source in found.sources}
    for each in (acceptance_suite(now), *_suites(named, suite, data, now)):
        if each.sha256 not in own:
            found.measured += cases_of(each, now)
            found.compared.append(_facts(each, "suite"))


def _suites(
    named: list[str] | None, suite: str, data: Path | None, now: datetime
) -> Iterable[Suite]:
    for name, info in known_suites().items():
        if data is None or name == suite or info.task is Task.JUDGING:
            continue
        if named is not None and name not in named:
            continue
        if named is None and (data.is_file() or name == "own"):
            continue
        try:
            yield load_suite(name, data, now=now, on_error=OnError.SKIP)
        except SuiteError:
            if named is not None:
                raise


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


def _facts(suite: Suite, kind: str) -> SourceFacts:
    return SourceFacts(
        id=suite.id,
        kind=kind,
        sha256=suite.sha256,
        cases=len(suite.cases),
        licence=suite.licence,
        origin=suite.origin,
    )


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
