"""`chartside tune recipe`: a ready configuration of a fine-tuning framework."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cds_hooks.cli import show
from cds_hooks.private_files import make_folder, write_private
from cds_hooks.settings.default_paths import written
from cds_hooks.tuning.manifest import MANIFEST, read_manifest
from cds_hooks.tuning.recipes.recipe import described, recipes, rendered
from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = ["write_recipe"]


def write_recipe(
    framework: Annotated[str, typer.Option(help="unsloth, trl or axolotl.")],
    model: Annotated[str, typer.Option(help="qwen3.5-35b-a3b, gemma-4-31b ...")],
    training_set: Annotated[
        Path, typer.Option("--set", "--training-set", help="A set of `tune prepare --model`.")
    ] = written("tune/set"),
    output: Annotated[Path | None, typer.Option(help="Folder for the files.")] = None,
    base: Annotated[str, typer.Option(help="Folder of the base model's weights.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write the framework's file for a training set, and a page that says what it takes.

    Nothing is installed, downloaded or run; the service needs none of it.
    """
    folder = output or written(f"tune/{framework}-{model}")
    sequence = _sequence(training_set)
    place = str(training_set.resolve())
    text = rendered(framework, model, place, base=base, sequence=sequence)
    page, facts = described(framework, model, place, base=base, sequence=sequence)
    name = recipes().framework[framework].file
    make_folder(folder)
    write_private(folder / name, text)
    write_private(folder / "RECIPE.md", page)
    told: dict[str, Any] = {"files": [str(folder / name), str(folder / "RECIPE.md")], **facts}
    if json:
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    console = show.screen()
    for key, value in facts.items():
        console.print(f"{key}: {value}", markup=False)
    for path in told["files"]:
        console.print(path, markup=False)


def _sequence(training_set: Path) -> int:
    """The sequence limit of a set. Raises TuningDataError for one without tokens."""
    manifest = read_manifest(training_set)
    if manifest.model is None:
        raise TuningDataError(
            "the set has no tokens",
            where=str(training_set / MANIFEST),
            hint="Prepare it with --model and the GGUF that is to be tuned.",
        )
    return manifest.sequence
