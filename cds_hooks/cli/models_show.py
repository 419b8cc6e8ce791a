"""Models, files and measurements on a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cds_hooks.cli import show
from cds_hooks.inference.hardware.machine import Machine
from cds_hooks.inference.model_catalogue.catalogue import Catalogue, ModelEntry, PublishedResult
from cds_hooks.inference.model_checks.advice import Advice, ConsultationSize
from cds_hooks.inference.model_checks.findings import FindingLevel
from cds_hooks.inference.model_checks.inspection import Inspection
from cds_hooks.inference.model_checks.speed_probe import ProbeSize, SpeedMeasurement

__all__ = ["advice", "catalogue", "inspection", "probe"]

_BITS = (4, 6, 8)
_COLOURS = {
    FindingLevel.ERROR: "bold red",
    FindingLevel.WARNING: "yellow",
    FindingLevel.INFO: "dim",
}
_LEGEND = (
    "Billions of parameters: all, and those that a token uses. Memory is that of the weights at so "
    "many bits; the KV cache and about 1 GB come to it. Thinks: for how many tokens at most."
)
_BUSY = "The machine was busy while it was measured: it is faster than this when it is not."
_MEMORY = (
    "Memory is what a process would hold under full load with the service's settings, as "
    "`chartside models check FILE` and the start reckon it; at its peak with pages of the file "
    "that the system takes back when something else wants them."
)
_ROUGH = (
    "Times are estimates, scaled from the measured model by the parameters that a token uses; "
    "measure a model itself with `chartside models bench FILE`."
)


def catalogue(known: Catalogue, *, json: bool) -> None:
    """Every entry: what it needs, under which licence, and how it did in public."""
    if json:
        _print([_entry(entry) for entry in known.entries])
        return
    console = show.screen()
    sizes = [f"{bits} bit" for bits in _BITS]
    table = _table("Models", "name", "billions", "context", *sizes, "thinks", "licence")
    for entry in known.entries:
        params = f"{entry.parameters:g}" + (f"/{entry.active:g}" if entry.active else "")
        weights = [f"{entry.weights_gb(bits):.1f} GB" for bits in _BITS]
        thinks = str(entry.thinking.budget) if entry.thinking else "no"
        row = (entry.name, params, str(entry.context), *weights, thinks, entry.licence)
        table.add_row(*map(Text, row))
    console.print(table)
    for entry in known.entries:
        _notes(console, entry)
    console.print(_LEGEND)


def _notes(console: Console, entry: ModelEntry) -> None:
    """Published results and cautions, where there are any."""
    lines = [
        f"{p.benchmark}, {p.metric}: {p.percent:g} % ({_interval(p)}, n = {p.n}, {p.source})"
        + (f"; {p.note}" if p.note else "")
        for p in entry.published
    ]
    if lines or entry.cautions:
        console.print(Text(entry.name, style="bold"))
    for line in (*lines, *entry.cautions):
        console.print(Padding(Text(line), (0, 0, 0, 2)))


def _interval(result: PublishedResult) -> str:
    """The 95 % interval (Wilson) of a published share, in per cent."""
    from cds_hooks.evaluation.metrics.figures import wilson

    low, high = wilson(round(result.percent * result.n / 100), result.n)
    return f"{100 * low:.1f} to {100 * high:.1f}"


def inspection(found: Inspection, *, json: bool) -> None:
    """What a file is and what is to say of it."""
    if json:
        _print(_inspected(found))
        return
    console = show.screen()
    table = _table(found.file, "what", "value")
    for what, value in _facts(found).items():
        if value:
            table.add_row(what, Text(value))
    console.print(table)
    for finding in found.findings:
        text = Text(f"{finding.level.value:8}{finding.id}: {finding.text}")
        text.stylize(_COLOURS[finding.level], 0, 8)
        console.print(text)
    console.print("It can be used." if found.usable else "It can NOT be used as it is.")


def _inspected(found: Inspection) -> dict[str, Any]:
    entry, described = found.entry, found.described
    thinking = described.thinking.model_dump() if described.thinking else None
    told = {"family": described.family, "thinking": thinking, "usable": found.usable}
    plain = {name: value for name, value in asdict(found).items() if name != "described"}
    return {**plain, "entry": entry.name if entry else None, **told}


def _facts(found: Inspection) -> dict[str, str]:
    entry, described = found.entry, found.described
    shares = {name: round(100 * share) for name, share in found.mix.items()}
    mixed = ", ".join(f"{name} {share} %" for name, share in shares.items() if share)
    return {
        "sha256": found.sha256,
        "parts": str(len(found.parts) or ""),
        "size": f"{found.size / 1e9:.2f} GB",
        "name in the file": found.name,
        "architecture": found.architecture,
        "parameters": f"{found.parameters / 1e9:.3g} billion",
        "quantisation": f"{found.quantisation} ({mixed} of its bytes)",
        "licence in the file": found.licence,
        "context": f"{found.context} tokens" if found.context else "",
        "catalogue": f"{entry.name} ({entry.family}, {entry.licence})" if entry else "",
        "known by": found.known_by.value if entry else "",
        "thinks": f"up to {described.thinking.budget} tokens" if described.thinking else "no",
        "memory": found.memory,
    }


def advice(
    found: Sequence[Advice],
    measured: SpeedMeasurement,
    machine: Machine,
    question: ConsultationSize,
    *,
    json: bool,
) -> None:
    """Which models fit and how long a consultation would take with each."""
    if json:
        models = [{**asdict(one), "total_s": one.total_s} for one in found]
        asked, probed = asdict(question), _probe(measured)
        _print({"machine": asdict(machine), "question": asked, "probe": probed, "models": models})
        return
    console = show.screen()
    told = f"{machine.memory / 1e9:.1f} GB" if machine.memory is not None else "unknown"
    console.print(f"{machine.processors} processors, {told} of memory available", highlight=False)
    console.print(_speed(measured), markup=False, highlight=False)
    if machine.busy:
        console.print(_BUSY, style="yellow")
    title = (
        f"A consultation of {question.prompt} prompt tokens and {question.samples} samples "
        f"of {question.answer} tokens, at {question.bits:g} bit"
    )
    on_gpus = any(one.gpu_gb for one in found)
    memory = ["needs GB", "at peak", *["on GPUs"] * on_gpus]
    table = _table(title, "model", *memory, "fits", "prompt", "answer", "thinking", "total")
    for one in found:
        needs = f"{one.needs_gb:.1f}" + ("" if one.cache_known else " + KV cache")
        times = (one.prompt_s, one.answer_s, one.thinking_s, one.total_s)
        needed = [needs, f"{one.peak_gb:.1f}", *[f"{one.gpu_gb:.1f}"] * on_gpus]
        row = (one.model, *needed, "yes" if one.fits else "no", *map(_time, times))
        table.add_row(*map(Text, row), style="" if one.fits else "dim")
    console.print(table)
    console.print(_MEMORY)
    console.print(_ROUGH)


def probe(found: SpeedMeasurement, size: ProbeSize, *, json: bool) -> None:
    """What was measured of one model."""
    if json:
        _print({**_probe(found), "prompt": size.prompt, "answer": size.answer})
        return
    console = show.screen()
    title = f"{found.model}: {size.prompt} prompt tokens, {size.answer} answer tokens"
    table = _table(title, "what", "value")
    table.add_row("from start to ready", f"{found.load_s:.1f} s")
    table.add_row("prompt", f"{found.prompt_per_s:.0f} tokens a second")
    for count, step in found.step_per_s.items():
        whole = size.prompt / found.prompt_per_s + size.answer / step
        told = (
            f"{step:.1f} tokens a second each, {count * step:.1f} together; {_time(whole)} in all"
        )
        table.add_row(f"samples at once: {count}", told)
    console.print(table)
    console.print(f"Medians of {found.rounds} rounds, {found.threads} threads.", highlight=False)


def _speed(measured: SpeedMeasurement) -> str:
    steps = ", ".join(f"{step:.0f} with {n} at once" for n, step in measured.step_per_s.items())
    return (
        f"Measured here with {measured.model}: {measured.prompt_per_s:.0f} prompt tokens a second; "
        f"answer tokens a second of each sample: {steps} (medians of {measured.rounds} rounds)"
    )


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _entry(entry: ModelEntry) -> dict[str, Any]:
    weights = {f"{bits}_bit": round(entry.weights_gb(bits), 2) for bits in _BITS}
    return {**entry.model_dump(mode="json"), "weights_gb": weights}


def _probe(found: SpeedMeasurement) -> dict[str, Any]:
    return {**asdict(found), "step_per_s": {str(n): step for n, step in found.step_per_s.items()}}


def _table(title: str, *headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=number == 0)
    return table


def _print(content: Any) -> None:
    typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
