"""`chartside models list | check | advise | bench`: model files and this machine.

Nothing here downloads anything: a model file is put in place by a person.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

import prompts
from cds_hooks.cli import models_show as tell
from cds_hooks.cli import show
from cds_hooks.inference.hardware.machine import available_memory, this_machine
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.model_catalogue.catalogue import Catalogue, ModelEntry, load_catalogue
from cds_hooks.inference.model_checks.advice import ConsultationSize, MemoryBasis, advise
from cds_hooks.inference.model_checks.inspection import (
    Inspection,
    files_of,
    inspect,
    inspect_adapter,
)
from cds_hooks.inference.model_checks.speed_probe import ProbeSize, SpeedMeasurement, measure_speed
from cds_hooks.inference.model_files.adapters import size_of
from cds_hooks.inference.model_files.model_kinds import is_adapter, refuse_unless_model
from cds_hooks.inference.model_files.split_files import read_model
from cds_hooks.inference.model_files.template_file import read_template
from cds_hooks.runtime.engines import config_of, samples_of
from cds_hooks.settings import Settings, load_settings

__all__ = ["advise_models", "bench_model", "check_model", "list_models"]

Config = Annotated[Path | None, typer.Option("--config", help="Settings file (TOML).")]
Entries = Annotated[
    Path | None, typer.Option("--catalogue", help="The site's own entries; else the settings'.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def list_models(config: Config = None, catalogue: Entries = None, json: Json = False) -> None:
    """The models that the service knows: memory, licence, published results and cautions."""
    known = _catalogue(load_settings(config), catalogue)
    tell.catalogue(known, json=json)


def check_model(
    file: Annotated[Path, typer.Argument(help="A GGUF file: a model, or a LoRA adapter.")],
    base: Annotated[
        Path | None, typer.Option("--base", help="The model that an adapter belongs to.")
    ] = None,
    chat_template: Annotated[
        Path | None,
        typer.Option("--chat-template", help="A Jinja file instead of the file's own template."),
    ] = None,
    config: Config = None,
    catalogue: Entries = None,
    json: Json = False,
) -> None:
    """Hash a file, read its header without loading it, compare it, lint its chat template.

    Ends with 1 when something keeps the file from being used.
    """
    settings = load_settings(config)
    template = _template(settings, file, chat_template)
    found = _inspect(settings, file, base, _catalogue(settings, catalogue), template)
    tell.inspection(found, json=json)
    if not found.usable:
        raise typer.Exit(1)


def advise_models(
    config: Config = None,
    catalogue: Entries = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Measure with this file; else the settings'.")
    ] = None,
    prompt: Annotated[int, typer.Option(min=1, help="Tokens of a prompt.")] = 1500,
    answer: Annotated[int, typer.Option(min=1, help="Tokens of an answer.")] = 400,
    samples: Annotated[int, typer.Option(min=1, max=16, help="Samples.")] = 3,
    bits: Annotated[float, typer.Option(min=1, max=16, help="Bits a weight.")] = 4.0,
    json: Json = False,
) -> None:
    """Which models fit this machine, and what a consultation would take, from a measured probe."""
    settings = load_settings(config)
    known = _catalogue(settings, catalogue)
    file = model or settings.model.path
    entry = _entry(settings, known, file)
    machine = this_machine()
    probe = _measure(settings, file, entry, ProbeSize(samples=tuple(sorted({1, samples}))))
    question = ConsultationSize(prompt, answer, samples, bits)
    reckoned = MemoryBasis(
        entry,
        read_model(file),
        lambda each: _config(settings, file, each).sizes,
        size_of(_config(settings, file, entry).adapters),
    )
    advice = advise(known, probe, reckoned, machine.memory, question)
    tell.advice(advice, probe, machine, question, json=json)


def bench_model(
    file: Annotated[Path, typer.Argument(help="The GGUF file.")],
    config: Config = None,
    catalogue: Entries = None,
    prompt: Annotated[int, typer.Option(min=16, help="Tokens of the prompt.")] = 1000,
    answer: Annotated[int, typer.Option(min=65, help="Tokens of the answer.")] = 150,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Repetitions.")] = 3,
    json: Json = False,
) -> None:
    """Load a model and measure it here: time to ready, prompt and answer, one to five samples."""
    settings = load_settings(config)
    entry = _entry(settings, _catalogue(settings, catalogue), file)
    size = ProbeSize(prompt, answer, (1, 3, 5), rounds)
    tell.probe(_measure(settings, file, entry, size), size, json=json)


def _catalogue(settings: Settings, chosen: Path | None) -> Catalogue:
    return load_catalogue(chosen or settings.model.catalogue)


def _template(settings: Settings, file: Path, chosen: Path | None) -> str:
    """The chat template that is given for a file: by the call, or by the settings for theirs.

    Raises TemplateFileError.
    """
    ours = settings.model.chat_template if file == settings.model.path else None
    path = chosen or ours
    return read_template(path) if path else ""


def _entry(settings: Settings, catalogue: Catalogue, file: Path) -> ModelEntry:
    """What is known of a file. Raises ModelFileError when it is none."""
    refuse_unless_model(read_model(file), file)
    found = _inspect(settings, file, None, catalogue, _template(settings, file, None))
    known = found.described.parameters or found.parameters / 1e9
    return found.described.model_copy(update={"sha256": found.sha256, "parameters": known})


def _inspect(
    settings: Settings, file: Path, base: Path | None, catalogue: Catalogue, template: str
) -> Inspection:
    header = read_model(file)
    adapter = is_adapter(header)
    with _hashing() as progress:
        size = sum(part.stat().st_size for part in files_of(header, file))
        task = progress.add_task("hashing", total=size)

        def told(count: int) -> None:
            progress.advance(task, count)

        if adapter:
            return inspect_adapter(file, base, told)
        return inspect(
            file,
            catalogue,
            available_memory(),
            told,
            template,
            config_of=lambda path, entry: _config(settings, path, entry),
        )


def _config(settings: Settings, path: Path, entry: ModelEntry) -> LlamaConfig:
    """What the service would load a file with."""
    template = prompts.load("differential")
    samples = samples_of(settings, entry, template)
    return config_of(settings, path, entry, template.settings, samples)


def _hashing() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=show.screen(json=True),
        transient=True,
    )


def _measure(
    settings: Settings, file: Path, entry: ModelEntry, size: ProbeSize
) -> SpeedMeasurement:
    config = _config(settings, file, entry)
    with show.screen(json=True).status("measuring") as status:
        return asyncio.run(
            measure_speed(config, size, lambda what: status.update(f"measuring: {what}"))
        )
