"""`chartside trial plan`: how many cases and days a trial needs, told beforehand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import orjson
import typer

from cds_hooks.cli.audit_options import JsonOption
from cds_hooks.cli.export_output import ToOption, new_file
from cds_hooks.cli.mapping import UsageError
from cds_hooks.trial.plan import TrialPlan
from cds_hooks.trial.plan import plan as make_plan

__all__ = ["plan", "planned_cases"]


def plan(
    width: Annotated[
        float,
        typer.Option(help="HALF the width of the 95 % interval: 0.05 is 5 points to each side."),
    ] = 0.05,
    accuracy: Annotated[
        float, typer.Option(min=0, max=1, help="Expected share of right cases; 0.5 needs most.")
    ] = 0.5,
    with_outcome: Annotated[
        float, typer.Option(min=0, max=1, help="Share of cases in which something new is found.")
    ] = 0.5,
    hooks_per_day: Annotated[float, typer.Option(min=0, help="Hooks of the service a day.")] = 0.0,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of encounters in the trial.")
    ] = 1.0,
    first_hooks: Annotated[
        float, typer.Option(min=0, max=1, help="Share of hooks that are an encounter's first.")
    ] = 1.0,
    window_days: Annotated[
        float, typer.Option(min=0, help="Days until outcomes are complete.")
    ] = 30.0,
    cases_per_patient: Annotated[
        float, typer.Option(min=1, help="Cases of a patient, on average.")
    ] = 1.0,
    correlation: Annotated[
        float, typer.Option(min=0, max=1, help="How alike cases of one patient are.")
    ] = 0.0,
    to: ToOption = None,
    json: JsonOption = False,
) -> None:
    """Say how many cases a trial needs for an interval of a width, and how many days.

    From the width of Wilson's interval (Piegorsch 2004). Write the plan to a file and give it to
    `trial report --plan`: report and decision then say whether it was reached.
    """
    try:
        made = make_plan(
            width,
            accuracy=accuracy,
            with_outcome=with_outcome,
            silent_share=share,
            first_hooks=first_hooks,
            hooks_per_day=hooks_per_day,
            window_days=window_days,
            cases_per_patient=cases_per_patient,
            correlation=correlation,
        )
    except ValueError as error:
        raise UsageError(str(error), where="trial plan") from None
    except OverflowError:
        raise UsageError("a number is too large", where="trial plan") from None
    told = asdict(made)
    if to is not None:
        with new_file(to) as file:
            file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
    typer.echo(orjson.dumps(told).decode() if json else "\n".join(_lines(made, with_outcome)))


def _lines(made: TrialPlan, with_outcome: float) -> list[str]:
    lines = [
        f"{made.cases} cases with an outcome, for a 95 % interval of at most "
        f"{100 * made.width:g} points to each side of {100 * made.accuracy:g} %.",
        f"{made.consultations} consultations, if {100 * with_outcome:g} % have an outcome.",
    ]
    if made.design_effect > 1:
        lines.append(f"Several cases of a patient: {made.design_effect:.2f} times as many.")
    lines.append(
        f"A subgroup of a tenth of the cases is then told to {100 * made.group_width:.0f} points "
        "to each side."
    )
    if made.days is not None:
        lines.append(f"{made.days} days of hooks; the report after {made.until_report} days.")
    return lines


def planned_cases(told: Any) -> dict[str, Any] | None:
    """What a report keeps of a plan that was read from a file; None where it is no plan."""
    if not isinstance(told, dict):
        return None
    width, cases = told.get("width"), told.get("cases")
    if not isinstance(width, float) or not isinstance(cases, int) or isinstance(cases, bool):
        return None
    return {"width": width, "cases": cases, "accuracy": told.get("accuracy")}
