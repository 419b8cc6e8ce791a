"""Asks a real model about charts with known answers and keeps its differentials.

python -m tests.plausibility.cases.entries --model FILE --cases FOLDER... --out FILE.jsonl

Each chart is shown as the service shows it: the service's template, or for a demonstration model
the short one, along the terminology's names where the service does so. What is in the file is
not asked again. Folders take turns, so that a run that was broken off has charts of each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import prompts
from cds_hooks import evaluation
from cds_hooks.consultation import Differential
from cds_hooks.errors import ChartsideError
from cds_hooks.inference.answer_parser import InvalidOutput, parse_differential
from cds_hooks.inference.engine import Engine, EngineError, Generation, GenerationRequest
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.runtime.engines import local_configs, model_entry
from cds_hooks.settings import Settings, load_settings
from fhir_mapping import Chart
from prompts import Prompt, Template
from tests.plausibility.cases.build import chart_of
from tests.plausibility.cases.load import Case, CaseError, load
from tests.plausibility.cases.said import (
    Answered,
    EntriesError,
    RunSettings,
    Said,
    append,
    chart_digest,
    of_differential,
    read,
)

__all__ = ["Asking", "ask", "in_turn", "left"]

CHECKOUT = Path(__file__).resolve().parents[3]
SETTINGS = CHECKOUT / "deploy" / "chartside.toml"
BRIEF = Path(evaluation.__file__).parent / "runs" / "templates"
DEADLINE_S = 900.0


@dataclass(frozen=True, slots=True)
class Asking:
    """A model that is loaded, and how it is asked."""

    engine: Engine
    template: Template
    names: bool
    samples: int
    seed: int = 0

    @property
    def run_settings(self) -> RunSettings:
        ref, model = self.template.ref, self.engine.model
        return RunSettings(
            model=model.name,
            sha256=model.sha256,
            engine=model.engine,
            template=f"{ref.id}/{ref.version}",
            names=self.names,
            samples=self.samples,
            seed=self.seed,
        )


async def ask(case: Case, how: Asking) -> Answered:
    """What the model says of one chart; an engine's fault is an outcome."""
    chart, began = chart_of(case), time.monotonic()
    samples: list[tuple[Said, ...]] = []
    faults: list[str] = []
    try:
        prompt = await _rendered(chart, how)
        generation = await how.engine.generate(_request(prompt, how))
    except EngineError as error:
        outcome = error.code
    else:
        for found in _parsed(generation, prompt):
            if isinstance(found, InvalidOutput):
                faults.append(f"{found.where}: {found.message}")
            else:
                samples.append(of_differential(found, chart))
        outcome = "answered" if samples else "invalid-output"
    return Answered(
        case=case.id,
        asked=how.run_settings,
        outcome=outcome,
        chart=chart_digest(chart),
        seconds=round(time.monotonic() - began, 2),
        samples=tuple(samples),
        failed=len(faults),
        faults=tuple(faults),
    )


def _parsed(generation: Generation, prompt: Prompt) -> Iterator[Differential | InvalidOutput]:
    for sample in generation.samples:
        try:
            yield parse_differential(sample.text, prompt.fact_ids)
        except InvalidOutput as fault:
            yield fault


async def _rendered(chart: Chart, how: Asking) -> Prompt:
    layout = prompts.lay_out(chart, how.template)
    return prompts.render(layout, await how.engine.count_tokens(layout.texts))


def _request(prompt: Prompt, how: Asking) -> GenerationRequest:
    return GenerationRequest(
        messages=prompt.messages,
        schema=prompt.schema,
        samples=how.samples,
        max_tokens=how.template.settings.max_output_tokens,
        seed=how.seed,
        deadline_s=DEADLINE_S,
        names=how.names,
    )


def in_turn(groups: Sequence[Sequence[Case]]) -> list[Case]:
    """The first of each group, then the second of each, and so on."""
    return [case for case in chain.from_iterable(zip_longest(*groups)) if case is not None]


def left(cases: Sequence[Case], out: Path, asked: RunSettings) -> list[Case]:
    """Those that the file has no answer of this run for; a fault of the engine is no answer."""
    if not out.exists():
        return list(cases)
    _mend(out)
    usable = ("answered", "invalid-output")
    done = {a.case for a in read(out) if a.asked == asked and a.outcome in usable}
    return [case for case in cases if case.id not in done]


def _mend(out: Path) -> None:
    """Take away what a crash left of the last line."""
    raw = out.read_bytes()
    if raw and not raw.endswith(b"\n"):
        out.write_bytes(raw[: raw.rfind(b"\n") + 1])


@contextlib.asynccontextmanager
async def _asking(options: argparse.Namespace) -> AsyncIterator[Asking]:
    settings = _settings(options)
    shown = model_entry(settings).demonstration
    brief = shown if options.brief is None else options.brief
    template = (
        prompts.load("differential-brief", root=BRIEF) if brief else prompts.load("differential")
    )
    samples = options.samples or (1 if shown else template.settings.samples)
    [config] = local_configs(settings, template.settings, samples)
    engine = LlamaEngine(config)
    await engine.start()
    try:
        state = await engine.wait_until_settled()
        if state.status != "ready":
            raise EntriesError(f"the engine does not start: {state.detail}")
        names = shown if options.names is None else options.names
        yield Asking(engine, template, names, samples, options.seed)
    finally:
        await engine.stop()


def _settings(options: argparse.Namespace) -> Settings:
    """Those of a checkout with this model, asked one chart at a time."""
    settings = load_settings(SETTINGS)
    told = {"path": options.model.resolve(), "threads": options.threads, "parallel": 1}
    return settings.model_copy(update={"model": settings.model.model_copy(update=told)})


async def _run(options: argparse.Namespace) -> None:
    cases = in_turn([load(folder) for folder in options.cases])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    async with _asking(options) as how:
        todo = left(cases, options.out, how.run_settings)[: options.limit]
        print(f"{len(todo)} of {len(cases)} charts to ask, {how.run_settings.model}, "
              f"{how.run_settings.template}, {how.samples} samples", flush=True)  # fmt: skip
        for number, case in enumerate(todo, start=1):
            answered = await ask(case, how)
            append(options.out, answered)
            if how.engine.state.status == "failed":
                raise EntriesError(f"the engine has ended: {how.engine.state.detail}")
            said = f"{answered.outcome}, {answered.seconds:.0f} s"
            print(f"{number}/{len(todo)} {case.id}: {said}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, metavar="FILE")
    parser.add_argument("--cases", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    parser.add_argument("--limit", type=int, help="charts to ask in this run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--samples", type=int, default=0, help="0: as the template has it")
    parser.add_argument("--seed", type=int, default=0)
    both = argparse.BooleanOptionalAction
    parser.add_argument("--brief", action=both, help="the short template (or --no-brief)")
    parser.add_argument("--names", action=both, help="along the terminology's names")
    return parser


def main() -> int:
    try:
        asyncio.run(_run(_parser().parse_args()))
    except (CaseError, EntriesError, ChartsideError) as fault:
        print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Broken off; the same command goes on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
