"""`chartside trial`: a silent trial, from outcomes to the decision."""

from __future__ import annotations

import typer

from cds_hooks.cli import trial_decide, trial_outcomes, trial_plan, trial_report

__all__ = ["trial_app"]

trial_app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A silent trial: what the service would have shown beside what patients turned out to "
    "have.",
)
trial_app.command("plan")(trial_plan.plan)
trial_app.command("outcomes")(trial_outcomes.outcomes)
trial_app.command("report")(trial_report.report)
trial_app.command("decide")(trial_decide.decide)
trial_app.command("decisions")(trial_decide.decisions)
