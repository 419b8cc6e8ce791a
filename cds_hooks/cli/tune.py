"""`chartside tune`: training examples of a site's own cases, and recipes that train on them."""

from __future__ import annotations

import typer

from cds_hooks.cli.tune_prepare import prepare_set
from cds_hooks.cli.tune_recipe import write_recipe
from cds_hooks.cli.tune_run import train_adapter

__all__ = ["tune_app"]

tune_app = typer.Typer(
    name="tune",
    help="Fine-tune a model on the site's own cases, as a recipe.",
    no_args_is_help=True,
    add_completion=False,
)


tune_app.command("prepare")(prepare_set)
tune_app.command("recipe")(write_recipe)
tune_app.command("run")(train_adapter)
