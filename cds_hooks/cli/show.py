"""Cards and consultations on a terminal, as a person wants to read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cds_hooks.consultation import CheckedConsultation, Consultation
from fhir_mapping.chart import (
    Certainty,
    Chart,
    Experiencer,
    Fact,
    Kind,
    Omission,
    Polarity,
)
from prompts import ago

__all__ = ["cards", "consultation", "facts_table", "omissions_table", "screen"]

_PLAIN_WIDTH = 110
_COLOURS = {"info": "cyan", "warning": "yellow", "critical": "red"}


def screen(*, json: bool = False) -> Console:
    """Where a command writes for a person: beside the JSON when there is any, else to stdout."""
    console = Console(stderr=json)
    return console if console.is_terminal else Console(stderr=json, width=_PLAIN_WIDTH)


def cards(console: Console, response: Mapping[str, Any]) -> None:
    """Each card of a response as an EHR's side panel would show it."""
    found = response.get("cards", [])
    if not found:
        console.print("No recommendations to display.")
    for card in found:
        console.print(_card(card))


def _card(card: Mapping[str, Any]) -> Panel:
    # Not the frame's title, which is cut off where it is too long.
    parts: list[Any] = [Text(str(card.get("summary")), style="bold"), Text()]
    if detail := card.get("detail"):
        parts.append(Markdown(str(detail)))
    labels = [f"[ {suggestion['label']} ]" for suggestion in card.get("suggestions", [])]
    labels += [f"{link['label']}: {link['url']}" for link in card.get("links", [])]
    if labels:
        parts.append(Text("\n" + "\n".join(labels), style="bold"))
    colour = _COLOURS.get(str(card.get("indicator")), "white")
    source = Text(f"{card.get('indicator')} - {card.get('source', {}).get('label', '')}")
    return Panel(Group(*parts), subtitle=source, border_style=colour)


def consultation(console: Console, done: Consultation, *, prompt: bool = False) -> None:
    """The facts shown to the model, what was left out, and where the time went."""
    shown = set(done.prompt.fact_ids) if done.prompt else set()
    facts = [fact for fact in done.chart.facts if fact.id in shown]
    console.print(facts_table(done.chart, facts, title="Facts the model was shown"))
    omissions = [*done.chart.omissions, *(done.prompt.omissions if done.prompt else ())]
    console.print(omissions_table(omissions))
    if prompt and done.prompt:
        for message in done.prompt.messages:
            console.print(Panel(Text(message.content), title=message.role, title_align="left"))
    if prompt and isinstance(done, CheckedConsultation):
        for text in done.samples:
            console.print(Panel(Text(text), title="model output", title_align="left"))
        console.print(_checks(done))
    console.print(_timings(done))


def facts_table(chart: Chart, facts: Sequence[Fact], *, title: str) -> Table:
    """Facts with their flags and how long ago; the title says who, without naming anybody."""
    who = f"{chart.patient.age_text}, recorded sex {chart.patient.recorded_sex or 'unknown'}"
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{title} ({who}; FHIR {chart.fhir_version})",
        title_justify="left",
    )
    for heading in ("id", "kind", "fact", "flag", "status", "when"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("id", "flag", "when"))
    for fact in facts:
        flag = fact.flag.value if fact.flag else ""
        status = " ".join(word for word in (*_said(fact), fact.status) if word)
        style = "bold red" if fact.is_abnormal else ""
        columns = (fact.id, fact.kind.value, fact.text, flag, status, ago(fact.days_ago, fine=True))
        table.add_row(*(Text(column) for column in columns), style=style)
    return table


def _said(fact: Fact) -> tuple[str, ...]:
    """Polarity, certainty and experiencer where they are not the usual ones."""
    polarity = "" if fact.polarity is Polarity.PRESENT else fact.polarity.value
    certainty = "" if fact.certainty is Certainty.CERTAIN else fact.certainty.value
    own = fact.experiencer is Experiencer.PATIENT or fact.kind is Kind.FAMILY
    return (polarity, certainty, "" if own else fact.experiencer.value)


def _table(title: str) -> Table:
    return Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")


def omissions_table(omissions: Sequence[Omission]) -> Table:
    """What was found and not shown, counted by reason."""
    table = _table("Left out, and why")
    table.add_column("reason")
    table.add_column("n", justify="right")
    table.add_column("which", overflow="fold")
    counted = Counter(omission.reason for omission in omissions)
    for reason, count in counted.most_common():
        which = [omission.what for omission in omissions if omission.reason == reason]
        shown = ", ".join(which[:6]) + (" ..." if count > 6 else "")
        table.add_row(reason, str(count), Text(shown))
    if not omissions:
        table.add_row("nothing", "0", "")
    return table


def _timings(done: Consultation) -> Table:
    table = _table("Where the time went")
    table.add_column("stage")
    table.add_column("ms", justify="right")
    for stage, milliseconds in done.timings_ms.items():
        table.add_row(stage, f"{milliseconds:.1f}")
    tokens = done.tokens if isinstance(done, CheckedConsultation) else {}
    for name, count in tokens.items():
        table.add_row(f"tokens: {name}", str(count))
    return table


def _checks(done: CheckedConsultation) -> Table:
    table = _table("Checks")
    for heading in ("diagnosis", "verdict", "check", "result", "facts", "says"):
        table.add_column(heading, overflow="fold")
    for assessment in done.assessments:
        for reason in assessment.reasons:
            columns = (assessment.name, assessment.verdict.value, reason.check, reason.result)
            facts = ", ".join(reason.fact_ids)
            table.add_row(*(Text(column) for column in (*columns, facts, reason.text)))
    return table
