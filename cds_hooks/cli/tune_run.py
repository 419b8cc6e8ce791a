"""`chartside tune run`: train an adapter on this machine's processors, and check it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.evaluation.report.write import to_html, to_markdown
from cds_hooks.inference.model_catalogue.catalogue import ModelEntry, load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.settings import load_settings
from cds_hooks.settings.default_paths import written
from cds_hooks.tuning.training.answer_forms import AnswerForm
from cds_hooks.tuning.training.cpu_recipe import shipped_recipe
from cds_hooks.tuning.training.run_record import CheckFacts, RunRecord
from cds_hooks.tuning.training.run_sections import CHECKS, run_page
from cds_hooks.tuning.training.tuning_extra import require_extra
from cds_hooks.tuning.training.tuning_run import ADAPTER, TuningOrder, run_tuning

__all__ = ["train_adapter"]


def train_adapter(
    training_set: Annotated[Path, typer.Option(help="The folder that `tune prepare` wrote.")],
    output: Annotated[Path, typer.Option(help="Folder of the adapter.")] = written("tune/run"),
    model: Annotated[
        Path | None, typer.Option(help="Base model (GGUF); by default that of the settings.")
    ] = None,
    answers: Annotated[
        AnswerForm | None,
        typer.Option(help="What is learned; by default the sentence where the catalogue has one."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, max=2, help="Times through all.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, max=256, help="LoRA rank.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest rate.")] = None,
    last_layers: Annotated[
        int | None, typer.Option(min=0, help="Train the last blocks alone; 0: all.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of weights and order.")] = None,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads; 0: one a processor, fewer where it is busy.")
    ] = 0,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a LoRA adapter on this machine's processors, and check it token by token.

    A run that broke off goes on where it was. Needs the extra `tune`.
    """
    require_extra()
    settings = load_settings(config)
    base = model or settings.model.path
    entry = known_entry(load_catalogue(settings.model.catalogue), base)
    recipe = shipped_recipe(
        epochs=epochs, rank=rank, learning_rate=learning_rate, last_layers=last_layers, seed=seed
    )
    form = answers or _usual(entry)
    order = TuningOrder(base, entry, training_set, output, recipe, form, threads=threads)
    with _shown() as (step, stage):
        record = run_tuning(order, told=step, stage=stage)
    page = run_page(record)
    (output / "report.html").write_text(to_html(page), "utf-8")
    (output / "report.md").write_text(to_markdown(page), "utf-8")
    if json:
        typer.echo(record.model_dump_json(indent=2))
        return
    _tell(record, output)


def _usual(entry: ModelEntry) -> AnswerForm:
    sought = entry.names is not None and bool(entry.names.leads)
    return AnswerForm.SENTENCE if sought else AnswerForm.WRITTEN


@contextlib.contextmanager
def _shown() -> Iterator[tuple[Callable[[int, int, float], None], Callable[[str], None]]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("reading", total=None)

        def step(done: int, most: int, loss: float) -> None:
            told = f"training, loss {loss:.3f}"
            progress.update(task, completed=done, total=most, description=told)

        def stage(name: str) -> None:
            progress.update(task, description=name)

        yield step, stage


def _tell(record: RunRecord, output: Path) -> None:
    console = show.screen()
    losses = Table("step", "loss, trained", "loss, held out")
    for point in record.course:
        trained = "" if point.trained is None else f"{point.trained:.3f}"
        losses.add_row(str(point.step), trained, f"{point.held_out:.3f}")
    console.print(losses)
    checks = Table("llama.cpp against transformers", "same likeliest token", "largest", "mean")
    for name, told in CHECKS.items():
        checks.add_row(told, *_row(record.checks[name]))
    console.print(checks)
    ended = "ended early" if record.stopped_early else "ran to its end"
    console.print(
        f"{record.examples} examples, {record.steps} steps in {record.precision}; "
        f"{ended} after {record.processor_s:.0f} s of processor time.",
        markup=False,
    )
    console.print(f"{output / ADAPTER}", markup=False)
    console.print(f"{output}/report.html", markup=False)


def _row(check: CheckFacts) -> tuple[str, str, str]:
    return (
        f"{check.agreed} of {check.positions}",
        f"{check.largest:.3f}",
        f"{check.mean:.4f}",
    )
