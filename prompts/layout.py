"""A chart laid out for a template: one line a fact, and the strings whose tokens are counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fhir_mapping.chart import Chart, Fact, Polarity
from prompts.template import Status, Template
from prompts.text import neutral
from prompts.timing import ago

__all__ = ["Layout", "Line", "chart_part", "lay_out", "state_words"]


@dataclass(frozen=True, slots=True)
class Line:
    """A fact as it would stand in the prompt, under the section of this index."""

    fact: Fact
    section: int
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """`lines` in prompt order. `texts` are to be token-counted: the system part, the chart part
    without any fact, then each line with its line end."""

    chart: Chart
    template: Template
    system: str
    frame: str
    lines: tuple[Line, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.system, self.frame, *(f"{line.text}\n" for line in self.lines))


def lay_out(chart: Chart, template: Template) -> Layout:
    """Every fact of `chart` as a line, stable sections first and the newest last.

    Sections come in the template's order, facts within one oldest first, those of unknown age
    before them: what a next consultation adds comes late, and the prefix before it can be reused.
    """
    lines = tuple(_lines(chart, template))
    system = template.system.render(**_bounds(template))
    frame = chart_part(chart, template, lines, shown=())
    return Layout(chart, template, system.strip(), frame, lines)


def chart_part(
    chart: Chart, template: Template, lines: Iterable[Line], *, shown: Collection[str]
) -> str:
    """The user's turn: the sections of `lines`, and in them the lines of the facts in `shown`."""
    by_section: dict[int, list[str]] = {}
    for line in lines:
        texts = by_section.setdefault(line.section, [])
        if line.fact.id in shown:
            texts.append(line.text)
    sections = [
        {"title": template.settings.sections[index].title, "lines": texts}
        for index, texts in by_section.items()
    ]
    patient = {
        "age": chart.patient.age_text,
        "sex": neutral(chart.patient.recorded_sex or "") or "sex not recorded",
        "deceased": chart.patient.deceased,
    }
    return template.chart.render(patient=patient, sections=sections).strip()


def state_words(fact: Fact, status: Status | None = None) -> tuple[str, ...]:
    """What is so of a fact and not said by its text: polarity, flag, status ("critical high").

    `status` limits which status words count; without it none does.
    """
    words = [] if fact.polarity is Polarity.PRESENT else [fact.polarity.value]
    if fact.flag is not None:
        words.append(fact.flag.value.replace("-", " "))
    if status is not None and (fact.kind in status.kinds or fact.status in status.words):
        words.append(fact.status)
    return tuple(word for word in words if word and not _says(fact.text, word))


def _says(text: str, word: str) -> bool:
    """Whether `text` ends with `word`: "... (0.6-1.2) high", "Acute bronchitis (resolved)"."""
    head, found, tail = text.casefold().rpartition(word.casefold())
    return bool(found) and not head[-1:].isalnum() and not any(map(str.isalnum, tail))


def _lines(chart: Chart, template: Template) -> Iterable[Line]:
    for index, section in enumerate(template.settings.sections):
        facts = sorted(chart.of(*section.kinds), key=_newest_last)
        for fact in facts:
            yield Line(fact, index, _line(fact, template.settings.status))


def _newest_last(fact: Fact) -> tuple[bool, float]:
    known = fact.days_ago is not None
    return (known, -fact.days_ago) if fact.days_ago is not None else (known, 0.0)


def _line(fact: Fact, status: Status) -> str:
    columns = (
        neutral(fact.id),
        neutral(fact.text) or "(no text)",
        neutral(", ".join(state_words(fact, status))),
        ago(fact.days_ago),
    )
    return " | ".join(column for column in columns if column)


def _bounds(template: Template) -> dict[str, int]:
    diagnoses = template.schema["properties"]["diagnoses"]
    return {"fewest": diagnoses["minItems"], "most": diagnoses["maxItems"]}
