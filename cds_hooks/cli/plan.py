"""`chartside plan`: how many engines a hospital needs, on paper and by simulation."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from cds_hooks.cli import plan_report, show
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.planning.demand import Demand, Rules, Spread
from cds_hooks.planning.sizing import Aim, Plan
from cds_hooks.planning.sizing import plan as make_plan
from cds_hooks.planning.speeds import Speed, SpeedsUnusable, measured_speed, read_speeds, speeds
from cds_hooks.settings import Settings, load_settings

__all__ = ["plan"]


Opens = Annotated[float, typer.Option(min=1, help="Charts opened a day.")]
Engine = Annotated[str, typer.Option(help="Published speeds to use, by name.")]
Own = Annotated[
    Path | None, typer.Option("--speeds", help="Speeds of one's own (TOML) for --engine.")
]
Measured = Annotated[
    Path | None, typer.Option(help="What `chartside models bench FILE --json` printed.")
]
Peak = Annotated[
    float, typer.Option(min=0.001, max=1, help="Share of a day's opens in the busiest hour.")
]
Stored = Annotated[float, typer.Option(min=0, max=1, help="Share of opens that the store answers.")]
Background = Annotated[float, typer.Option(min=0, help="Questions of prewarm in the busiest hour.")]
Prompt = Annotated[float, typer.Option(min=1, help="Tokens of a prompt that are not reused.")]
Answer = Annotated[float, typer.Option(min=1, help="Tokens of each answer.")]
Samples = Annotated[int, typer.Option(min=1, max=16, help="Answers to each question.")]
Variation = Annotated[float, typer.Option(min=0, max=3, help="Coefficient of variation of both.")]
Engines = Annotated[
    int, typer.Option(min=0, max=64, help="Engines; 0: the fewest that meet the aim.")
]
Wait = Annotated[
    float, typer.Option(min=0, help="Aim: seconds that 95 of 100 questions wait at most.")
]
Shed = Annotated[
    float, typer.Option(min=0, max=1, help="Aim: largest share that goes without a model.")
]
Replications = Annotated[int, typer.Option(min=1, max=1000, help="Simulated hours.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the simulation.")]
Picture = Annotated[Path | None, typer.Option(help="Write the waiting times as a picture.")]


def plan(
    opens: Opens,
    engine: Engine = "",
    speeds_file: Own = None,
    measured: Measured = None,
    peak: Peak = 0.12,
    stored: Stored = 0.5,
    background: Background = 0.0,
    prompt: Prompt = 1500.0,
    answer: Answer = 400.0,
    samples: Samples = 3,
    variation: Variation = 0.3,
    engines: Engines = 0,
    wait: Wait = 10.0,
    shed: Shed = 0.001,
    replications: Replications = 20,
    seed: Seed = 1,
    svg: Picture = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """How many engines or GPUs a hospital needs: arithmetic, and the busiest hour simulated.

    Bounds and deadlines are those of the settings. Speeds are published ones, one's own,
    or measured here. docs/operators/capacity.md works a hospital of 1,000 beds.
    """
    speed = _speed(engine, speeds_file, measured)
    settings = load_settings(config)
    spreads = Spread(prompt, variation), Spread(answer, variation)
    demand = Demand(opens, peak, stored, *spreads, samples, background)
    rules = _rules(settings, speed)
    console = show.screen(json=json)
    with console.status("simulating") as status:
        found = make_plan(
            demand, speed, rules, engines=engines, aim=Aim(wait, shed), seed=seed,
            replications=replications, told=lambda n: status.update(f"simulating {n} engines"),
        )  # fmt: skip
    if svg is not None:
        svg.write_text(plan_report.picture(found), "utf-8")
    if json:
        typer.echo(orjson.dumps(_document(demand, speed, rules, found, seed)).decode())
    else:
        plan_report.show_plan(console, demand, speed, rules, found)
    if not found.enough:
        raise typer.Exit(1)


def _speed(name: str, own: Path | None, measured: Path | None) -> Speed:
    """The speeds that were chosen. Raises SpeedsUnusable."""
    if measured is not None:
        return measured_speed(measured, datetime.now(UTC).date())
    known = read_speeds(own) if own is not None else speeds()
    if name not in known:
        hint = f"Known are {', '.join(sorted(known))}; --measured takes what was measured here."
        raise SpeedsUnusable("no engine of this name", where=name or "--engine", hint=hint)
    return known[name]


def _rules(settings: Settings, speed: Speed) -> Rules:
    """A model server queues by itself: the service only bounds what is in flight there."""
    on_gpu = bool(speed.gpus)
    return Rules(
        answer_within_s=settings.services.answer_within_s,
        deadline_s=settings.services.deadline_s,
        parallel=settings.model_server.in_flight if on_gpu else settings.model.parallel,
        queue=0 if on_gpu else settings.model.queue,
        open_calls=settings.server.max_in_flight,
    )


def _document(
    demand: Demand, speed: Speed, rules: Rules, found: Plan, seed: int
) -> dict[str, object]:
    return {
        "demand": asdict(demand),
        "speed": speed.model_dump(mode="json"),
        "rules": asdict(rules),
        "arithmetic": asdict(found.capacity),
        "engines": found.engines,
        "gpus": found.engines * speed.gpus,
        "enough": found.enough,
        "seed": seed,
        "simulated": {name: asdict(figure) for name, figure in found.figures.items()},
    }
