"""What `chartside map` says besides the facts: the sender's quality, and what a prompt saves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich import box
from rich.table import Table
from rich.text import Text

import prompts
from cds_hooks.errors import ChartsideError
from cds_hooks.inference.prove import unlogged
from cds_hooks.settings import Settings
from fhir_mapping import Chart, must_keep
from fhir_mapping.chart import QualityNote
from fhir_mapping.quality.elements_left_out import ElementLeftOut

__all__ = ["Stats", "count", "elements_table", "quality_table", "stats_table"]

Tokens = Callable[[str], int]


class NoTokenizer(ChartsideError):
    """The model whose tokenizer is to count is not there, or cannot be read."""

    code = "no-tokenizer"
    status = 503


@dataclass(frozen=True, slots=True)
class Stats:
    """Tokens in the tokenizer of the model in use; facts by what the prompt shows of them."""

    tokenizer: str
    raw_tokens: int
    chart_tokens: int
    instruction_tokens: int
    budget: int
    ratio: float
    facts: int
    in_full: int
    shortened: int
    named_only: int
    left_out: int
    must_keep: int
    must_keep_shown: int


def count(resources: Sequence[Mapping[str, Any]], chart: Chart, settings: Settings) -> Stats:
    """What the chart costs as FHIR JSON and as the prompt that a model is shown.

    The JSON is written without a blank, as small as it gets. Raises NoTokenizer.
    """
    tokens = _tokenizer(settings.model.path)
    layout = prompts.lay_out(chart, prompts.load("differential"))
    prompt = prompts.render(layout, [tokens(text) for text in layout.texts])
    instructions, shown = (tokens(message.content) for message in prompt.messages)
    raw = sum(tokens(orjson.dumps(resource).decode()) for resource in resources)
    reasons = [omission.reason for omission in prompt.omissions]
    must = {fact.id for fact in chart.facts if must_keep(fact, chart)}
    return Stats(
        tokenizer=settings.model.path.name,
        raw_tokens=raw,
        chart_tokens=shown,
        instruction_tokens=instructions,
        budget=layout.template.settings.chart_tokens,
        ratio=round(raw / shown, 1),
        facts=len(chart.facts),
        in_full=len(prompt.fact_ids) - reasons.count("shortened"),
        shortened=reasons.count("shortened"),
        named_only=reasons.count("named-only"),
        left_out=reasons.count("token-budget"),
        must_keep=len(must),
        must_keep_shown=len(must & set(prompt.fact_ids)),
    )


def _tokenizer(path: Path) -> Tokens:
    """Only the vocabulary of the model is loaded."""
    hint = "Run `make setup`, or name the model in the settings (--config)."
    if not path.is_file():
        raise NoTokenizer("the model that counts tokens is not there", where=path.name, hint=hint)
    from llama_cpp import Llama

    from cds_hooks.inference.model_files.split_files import engine_path
    from cds_hooks.inference.worker.bindings import native

    try:
        with unlogged():  # llama.cpp warns of a context that nobody uses
            native.silence()
            model = Llama(str(engine_path(path)), vocab_only=True, verbose=False, n_ctx=64)
    except ValueError as error:
        raise NoTokenizer("the model cannot be read", where=path.name, hint=hint) from error
    return lambda text: len(model.tokenize(text.encode(), add_bos=False, special=False))


def stats_table(stats: Stats) -> Table:
    """The figures as an engineer reads them."""
    table = _table(f"Tokens ({stats.tokenizer})")
    table.add_column("what")
    table.add_column("n", justify="right")
    rows = {
        "raw FHIR JSON": f"{stats.raw_tokens:,}",
        f"chart in the prompt (budget {stats.budget:,})": f"{stats.chart_tokens:,}",
        "instructions in the prompt": f"{stats.instruction_tokens:,}",
        "raw / chart": f"{stats.ratio:,.1f}",
        "facts": str(stats.facts),
        "shown in full": str(stats.in_full),
        "shown shortened": str(stats.shortened),
        "only named": str(stats.named_only),
        "left out for length": str(stats.left_out),
        "must-keep facts shown": f"{stats.must_keep_shown} of {stats.must_keep}",
    }
    for what, figure in rows.items():
        table.add_row(what, figure)
    return table


_PLACE = re.compile(r"^([A-Za-z]+)/[^.]*|\[\d+\]")


def quality_table(notes: Sequence[QualityNote]) -> Table:
    """Remarks of one kind about one element are one row, with the first path as an example."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for note in notes:
        element = _PLACE.sub(lambda match: match[1] or "", note.path)
        groups.setdefault((note.code, element, note.message), []).append(note.path)
    table = _table("Data quality: what a sender should mend")
    for heading in ("n", "element", "remark", "what to do", "for example"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "n" else "left")
    for (code, element, message), paths in sorted(groups.items(), key=lambda g: -len(g[1])):
        table.add_row(str(len(paths)), *(Text(t) for t in (element, code, message, paths[0])))
    if not groups:
        table.add_row("0", "", "", "nothing was found", "")
    return table


def elements_table(unread: Sequence[ElementLeftOut]) -> Table:
    """Elements by the reason that the minimum-necessary list gives, most often sent first."""
    by_reason: dict[tuple[str, str], list[ElementLeftOut]] = {}
    for left in unread:
        by_reason.setdefault((left.reason, left.detail), []).append(left)
    table = _table("Elements of the resources above that are not read, and why")
    for heading in ("reason", "why", "elements, and how often they were sent"):
        table.add_column(heading, overflow="fold")
    for (reason, why), found in by_reason.items():
        sent = ", ".join(f"{left.element} {left.count}" for left in found)
        table.add_row(*(Text(column) for column in (reason, why, sent)))
    return table


def _table(title: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
