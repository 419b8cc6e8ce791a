"""`chartside trial`: a silent trial, from outcomes to the decision."""

from __future__ import annotations

import typer

from cds_hooks.cli import trial_outcomes

__all__ = ["trial_app"]

trial_app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
trial_app.command("outcomes")(trial_outcomes.outcomes)


@trial_app.callback()
def _trial() -> None:
    """A silent trial: what the service would have shown beside what patients turned out to have."""
