"""`make trial-simulation`: many runs of the simulated hospital, and what its reports recovered.

Goes on where it was stopped: a run that is in the file of results is not made again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cds_hooks.evaluation.report.write import to_html
from tests.simulated_hospital.coverage import table
from tests.simulated_hospital.coverage_page import coverage_page
from tests.simulated_hospital.encounters import draw
from tests.simulated_hospital.following import collected, follow_up
from tests.simulated_hospital.parameters import Parameters
from tests.simulated_hospital.service import trial_service
from tests.simulated_hospital.simulation import Run, alarms, made
from tests.simulated_hospital.trial_cases import trial_cases

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "trial-simulation.json"
LEAKS = 7
FALLS = 0.15


def from_cases(seed: int, encounters: int) -> Run:
    """A run without a service: 20 of 2,000 take a minute or two."""
    parameters = Parameters(encounters=encounters, leaks=LEAKS)
    drawn = draw(parameters, seed)
    run = made(Run(seed, "cases", encounters), list(trial_cases(drawn)), drawn, parameters)
    falling = replace(parameters, falls=FALLS)
    drawn = draw(falling, seed)
    run.alarms_of_drift = alarms(list(trial_cases(drawn)), falling, drawn[0].asked)
    return run


def through_service(seed: int, encounters: int) -> Run:
    """A run from hook to report. Every patient comes once: what is found at a later visit is an
    outcome of the earlier one too, and is not what is built in."""
    parameters = Parameters(encounters=encounters, leaks=LEAKS, returning=0.0)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_played(Path(folder), seed, parameters))


async def _played(folder: Path, seed: int, parameters: Parameters) -> Run:
    drawn = draw(parameters, seed)
    async with trial_service(folder, drawn) as service:
        hooks = await service.play(drawn)
        await follow_up(service, drawn)
        found = await collected(service)
    run = made(Run(seed, "service", parameters.encounters), found.cases, drawn, parameters)
    run.hooks = found.hooks
    assert found.hooks == hooks
    return run


def _wanted(options: argparse.Namespace) -> Iterator[tuple[str, int, Callable[[], Run]]]:
    """Every run that was asked for: how, its seed, and the work."""
    for seed in range(options.first_seed, options.seeds + 1):
        yield "cases", seed, lambda seed=seed: from_cases(seed, options.encounters)  # type: ignore[misc]
    for seed in range(options.first_seed, options.service_seeds + 1):
        count = options.encounters if seed == 1 else options.service_encounters
        yield "service", seed, lambda seed=seed, n=count: through_service(seed, n)  # type: ignore[misc]


def main() -> None:
    """Make what is missing, tell all."""
    options = _options()
    known: list[dict[str, Any]] = []
    if options.results.is_file():
        known = json.loads(options.results.read_text("utf-8"))["runs"]
    done = {(run["through"], run["seed"]) for run in known}
    for how, seed, work in _wanted(options):
        if (how, seed) in done or options.only not in ("", how):
            continue
        began = time.monotonic()
        run = work()
        run.seconds = round(time.monotonic() - began, 1)
        known.append(run.told())
        _write(options.results, known)
        print(f"{how} seed {seed}: {run.encounters} encounters, {run.seconds} s", flush=True)
    for how in ("cases", "service"):
        if some := [run for run in known if run["through"] == how]:
            print(f"\n# {how}\n{table(some)}")
    if known:
        page = options.results.with_suffix(".html")
        page.write_text(to_html(coverage_page(known)), "utf-8")
        print(f"\n{page}")


def _write(path: Path, runs: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps({"runs": runs}, indent=1), "utf-8")
    beside.replace(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="runs from cases alone")
    parser.add_argument("--encounters", type=int, default=2000, help="of those, and of the first")
    parser.add_argument("--service-seeds", type=int, default=20, help="runs through the service")
    parser.add_argument("--service-encounters", type=int, default=300, help="of all but the first")
    parser.add_argument("--first-seed", type=int, default=1, help="to share the work out")
    parser.add_argument("--only", choices=("", "cases", "service"), default="")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
