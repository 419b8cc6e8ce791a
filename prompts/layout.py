"""A chart laid out for a template: one line a fact, and the strings whose tokens are counted.

Each fact has three forms: its line, a shorter line, and its name alone, which stands in a line for
all that are only named. Every form is counted by itself, and a prompt is made of nothing else, so
that the sum of what is chosen bounds the tokens of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fhir_mapping.chart import Certainty, Chart, Experiencer, Fact, Kind, Polarity
from prompts.shorter import name_of, short_phrase
from prompts.template import StatusWords, Template
from prompts.text import neutral
from prompts.timing import ago

__all__ = ["Layout", "LayoutLine", "chart_part", "lay_out", "naming_line", "state_words"]


@dataclass(frozen=True, slots=True)
class LayoutLine:
    """A fact as it would stand in the prompt, under the section of this index.

    `brief` is the line in fewer words, or the same; `name` only what the fact is about.
    """

    fact: Fact
    section: int
    text: str
    brief: str
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """`lines` in prompt order. `texts` are to be token-counted: the system part, the chart part
    without any fact, each line with its line end, each brief line likewise, each name as a piece
    of a naming line, and last, if there are facts, what a naming line has besides names."""

    chart: Chart
    template: Template
    system: str
    frame: str
    lines: tuple[LayoutLine, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        forms = (
            *(f"{line.text}\n" for line in self.lines),
            *(f"{line.brief}\n" for line in self.lines),
            *(f" {line.name};" for line in self.lines),
        )
        rest = (f"{_NAMING} and 9999 more.\n",) if self.lines else ()
        return (self.system, self.frame, *forms, *rest)


_NAMING = "Also recorded:"


def naming_line(names: Sequence[str], more: int) -> str:
    """The line that only names facts, `more` of which are not even named."""
    named = " ".join(f"{name};" for name in names)
    return f"{_NAMING} {named} and {more} more." if more else f"{_NAMING} {named.rstrip(';')}."


def lay_out(chart: Chart, template: Template) -> Layout:
    """Every fact of `chart` as a line, stable sections first and the newest last.

    Sections come in the template's order, facts within one oldest first, those of unknown age
    before them: what a next consultation adds comes late, and the prefix before it can be reused.
    """
    lines = tuple(_lines(chart, template))
    system = template.system.render(**_bounds(template))
    empty: dict[int, list[str]] = {line.section: [] for line in lines}
    frame = chart_part(chart, template, empty)
    return Layout(chart, template, system.strip(), frame, lines)


def chart_part(chart: Chart, template: Template, by_section: Mapping[int, Sequence[str]]) -> str:
    """The user's turn: the sections by their index, each with its lines."""
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


def state_words(fact: Fact, status: StatusWords | None = None) -> tuple[str, ...]:
    """What is so of a fact and not said by its text: polarity, certainty, whose it is, flag, status
    ("critical high").

    `status` limits which status words count; without it none does.
    """
    words = [] if fact.polarity is Polarity.PRESENT else [fact.polarity.value]
    if fact.certainty is Certainty.UNCERTAIN and fact.polarity is not Polarity.UNKNOWN:
        words.append(fact.certainty.value)
    if fact.experiencer is not Experiencer.PATIENT and fact.kind is not Kind.FAMILY:
        words.append("of a relative" if fact.experiencer is Experiencer.FAMILY else "of another")
    if fact.flag is not None:
        words.append(fact.flag.value.replace("-", " "))
    if status is not None and (fact.kind in status.kinds or fact.status in status.words):
        words.append(fact.status)
    return tuple(word for word in words if word and not _says(fact.text, word))


def _says(text: str, word: str) -> bool:
    """Whether `text` ends with `word`: "... (0.6-1.2) high", "Acute bronchitis (resolved)"."""
    head, found, tail = text.casefold().rpartition(word.casefold())
    return bool(found) and not head[-1:].isalnum() and not any(map(str.isalnum, tail))


def _lines(chart: Chart, template: Template) -> Iterable[LayoutLine]:
    for index, section in enumerate(template.settings.sections):
        facts = sorted(chart.of(*section.kinds), key=_newest_last)
        for fact in facts:
            yield _line(fact, index, template.settings.status)


def _newest_last(fact: Fact) -> tuple[bool, float]:
    known = fact.days_ago is not None
    return (known, -fact.days_ago) if fact.days_ago is not None else (known, 0.0)


def _line(fact: Fact, section: int, status: StatusWords) -> LayoutLine:
    text = _columns(fact, status)
    short = short_phrase(fact)
    brief = text if short == fact.text else _columns(replace(fact, text=short), status)
    name = _name(fact, status)
    return LayoutLine(fact, section, text, brief if len(brief) < len(text) else text, name)


_GOES_WITHOUT_SAYING = frozenset({"active", "normal", "finished", "completed", "accepted"})


def _name(fact: Fact, status: StatusWords) -> str:
    """Its name, and what makes it another thing than its name: "Asthma (refuted)"."""
    name = name_of(fact)
    words = [w for w in state_words(replace(fact, text=name), status)
             if w not in _GOES_WITHOUT_SAYING]  # fmt: skip
    return neutral(f"{name} ({', '.join(words)})" if words else name) or "(no text)"


def _columns(fact: Fact, status: StatusWords) -> str:
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
