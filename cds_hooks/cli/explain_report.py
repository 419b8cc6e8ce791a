"""An explanation as text: everything in it is shown as it is, without markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from prompts import ago, visible

__all__ = ["write"]

Json = Mapping[str, Any]


def write(console: Console, told: Json, *, asked: str) -> None:
    """Write each part of an explanation, in the order of the pipeline.

    `asked` is the id of the consultation that was asked for.
    """
    if asked != (answer := told["consultation"]["id"]):
        text = f"{asked} had no answer of the model yet when its card was shown."
        console.print(Text(f"{text} This is the answer to the same question: {answer}."))
    for part in (
        _basis(told),
        _facts(told),
        *_left_out(told["left_out"]),
        *_prompt(told["prompt"]),
        *_samples(told["samples"]),
        _rules(told),
        *_checks(told["diagnoses"]),
        _verdicts(told["diagnoses"]["listed"]),
    ):
        console.print(part)


def _table(title: str, *headings: str, rows: Iterable[Iterable[object]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=Text(title), title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(str(cell))) for cell in row))
    return table


def _basis(told: Json) -> Table:
    head, basis = told["consultation"], told["basis"]
    model, template = basis["model"] or {}, basis["template"] or {}
    sampling = basis["sampling"] or {}
    set_to = [f"{key} {'not set' if v is None else v}" for key, v in sampling.items()]
    rows = [
        ("consultation", head["id"]),
        ("service, time", f"{head['service']}, {head['created']}"),
        ("outcome", " ".join(filter(None, (head["outcome"], head["fault"], head["remark"])))),
        ("model", f"{model.get('name', 'none')} {model.get('sha256', '')}"),
        ("engine", model.get("engine", "")),
        ("template", f"{template.get('id', '')}/{template.get('version', '')} "
                     f"{template.get('sha256', '')}"),
        ("sampling", ", ".join(set_to) or "not recorded"),
        ("program", basis["version"] or "not recorded"),
        ("tables of rules", basis["tables_sha256"] or "not recorded"),
        ("terminology", basis["terminology_sha256"] or "not recorded"),
        ("settings", basis["settings_sha256"]),
    ]  # fmt: skip
    rows += [(f"  {key}", value) for key, value in basis["settings"].items()]
    return _table("What the answer rests on", "what", "which", rows=rows)


def _facts(told: Json) -> Table:
    rows = (
        (f["id"], f["text"], f["flag"] or "", ago(f["days_ago"], fine=True),
         ", ".join(f["paths"] or f["sources"]), "yes" if f["shown_to_model"] else "no")
        for f in told["facts"]
    )  # fmt: skip
    return _table("Facts", "id", "fact", "flag", "when", "from", "shown", rows=rows)


def _left_out(left: Json) -> Iterator[Table]:
    rows = [(each["what"], each["reason"], where)
            for where, key in (("chart", "of_chart"), ("prompt", "of_prompt"))
            for each in left[key]]  # fmt: skip
    yield _table("Left out, and why", "what", "reason", "of the", rows=rows)
    parts = [
        (key, each["state"], " ".join(filter(None, (each.get("sent", ""), *each.get("noted", ())))))
        for key, each in left["parts_of_the_request"].items()
    ]
    yield _table("Parts of the request", "key", "state", "what came instead", rows=parts)


def _prompt(prompt: Json | None) -> Iterator[Panel]:
    for message in prompt["messages"] if prompt else ():
        yield Panel(Text(_whole(message["content"])), title=f"prompt: {message['role']}",
                    title_align="left")  # fmt: skip


def _whole(text: str) -> str:
    """Each line by itself: what would move the cursor or hide is not printed."""
    return "\n".join(map(visible, text.splitlines()))


def _samples(samples: Iterable[Json]) -> Iterator[Panel]:
    for number, each in enumerate(samples, 1):
        used = "" if each["used"] else " (no differential of this chart: not used)"
        title = Text(f"sample {number} of {visible(each['model'])}{used}")
        yield Panel(Text(_whole(each["text"])), title=title, title_align="left")


def _version(rule: Json) -> str:
    table = rule["table"] or "program"
    as_of = "" if rule["as_of"] == "the consultation" else ", as of today"
    return f"{table} {rule['version'] or 'without version'}{as_of}"


def _rules(told: Json) -> Table:
    rows: list[tuple[str, ...]] = [
        (each["rule"], f"{each['diagnosis']}: {'; '.join(each['told'])}",
         ", ".join(each["fact_ids"]), _version(each["table"]), each["source"])
        for each in told["rules"]
    ]  # fmt: skip
    rows += [_reason(each) for name in ("contradictions", "medication_concerns")
             for each in told[name]]  # fmt: skip
    return _table("What rules found in the chart", "rule", "says", "facts", "version", "source",
                  rows=rows)  # fmt: skip


def _reason(each: Json) -> tuple[str, ...]:
    facts = ", ".join(each["fact_ids"])
    return (each["check"], each["text"], facts, _version(each["rule"]), each["source"])


def _checks(diagnoses: Json) -> Iterator[Table]:
    """One table a diagnosis; what is said of the whole list comes last."""
    for listed in diagnoses["listed"]:
        title = f"Checks of {listed['name']}: {listed['verdict']}"
        yield _checks_table(title, listed["reasons"])
    of_list = (*diagnoses["red_flags"], *diagnoses["unexplained"])
    yield _checks_table("Checks of the list", of_list)


def _checks_table(title: str, reasons: Iterable[Json]) -> Table:
    rows = ((each["result"], *_reason(each)) for each in reasons)
    return _table(visible(title), "result", "check", "says", "facts", "version", "source",
                  rows=rows)  # fmt: skip


def _verdicts(listed: Iterable[Json]) -> Table:
    rows = (
        (each["name"], each["verdict"], f"{each['agreement']:.0%}",
         " ".join(f"{e['fact_id']} {e['claim']}" for e in each["evidence_for"]),
         " ".join(f"{e['fact_id']} {e['claim']}" for e in each["evidence_against"]))
        for each in listed
    )  # fmt: skip
    return _table("Verdicts", "diagnosis", "verdict", "samples", "for", "against", rows=rows)
