"""What real models said of the charts, one JSON line a chart; and as differentials again.

A citation is kept by the fact's id, the resources it came from and a digest of its words, never by
the words: a mapper that numbers facts otherwise then still judges what the model saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from cds_hooks.consultation import Candidate, Differential, Evidence, Group
from fhir_mapping import Chart, Fact

__all__ = [
    "Answered",
    "RunSettings",
    "Cited",
    "EntriesError",
    "Said",
    "append",
    "chart_digest",
    "differentials",
    "of_differential",
    "read",
]


class EntriesError(ValueError):
    """A file of entries that is not to its form: which file, which line, what to do."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cited(_Form):
    """A cited fact: its id then, what was claimed, its resources, and a digest of its words."""

    fact: str
    claim: str
    of: tuple[str, ...] = ()
    words: str = ""


class Said(_Form):
    """One diagnosis of one sample."""

    name: str
    group: Group
    cites: tuple[Cited, ...] = ()
    against: tuple[Cited, ...] = ()
    discriminator: str = ""


class RunSettings(_Form):
    """What was asked, and how: entries of the same `RunSettings` are of one run."""

    model: str
    sha256: str
    engine: str
    template: str
    names: bool
    samples: int
    seed: int


class Answered(_Form):
    """One chart asked: `samples` are what could be read; `failed` is how many could not, and
    `faults` say why, with nothing of the answer. `outcome` is "answered", "invalid-output" or the
    engine's code, `chart` a digest of the chart that was shown; `seconds` are of the clock, on a
    machine that may have had other work."""

    case: str
    asked: RunSettings
    outcome: str
    chart: str = ""
    seconds: float = 0.0
    samples: tuple[tuple[Said, ...], ...] = ()
    failed: int = 0
    faults: tuple[str, ...] = ()


def chart_digest(chart: Chart) -> str:
    """Changes with any fact's id or words."""
    told = [(fact.id, fact.text, fact.polarity) for fact in chart.facts]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()[:16]


def of_differential(found: Differential, chart: Chart) -> tuple[Said, ...]:
    """The diagnoses of a sample as they are kept."""
    return tuple(
        Said(
            name=each.diagnosis,
            group=each.group,
            cites=tuple(_cited(each.evidence_for, chart)),
            against=tuple(_cited(each.evidence_against, chart)),
            discriminator=each.discriminator,
        )
        for each in found.candidates
    )


def _cited(evidence: Iterable[Evidence], chart: Chart) -> Iterator[Cited]:
    for each in evidence:
        fact = chart.fact(each.fact_id)
        of, words = (fact.sources, _words(fact)) if fact else ((), "")
        yield Cited(fact=each.fact_id, claim=each.claim, of=of, words=words)


def _words(fact: Fact) -> str:
    return hashlib.sha256(fact.text.encode()).hexdigest()[:12]


def differentials(answered: Answered, chart: Chart) -> tuple[list[Differential], int]:
    """What was said, citing the facts of `chart`; and how many citations it has no fact for."""
    places = [(c, _found(c, chart)) for s in answered.samples for d in s for c in _all(d)]
    ids = {cited: fact.id for cited, fact in places if fact}

    def evidence(cites: Iterable[Cited]) -> tuple[Evidence, ...]:
        return tuple(Evidence(ids[each], each.claim) for each in cites if each in ids)

    made = [
        Differential(
            tuple(
                Candidate(d.name, d.group, evidence(d.cites), evidence(d.against), d.discriminator)
                for d in sample
            ),
            answered.asked.model,
            number,
        )
        for number, sample in enumerate(answered.samples)
    ]
    return made, sum(fact is None for _, fact in places)


def _all(said: Said) -> tuple[Cited, ...]:
    return (*said.cites, *said.against)


def _found(cited: Cited, chart: Chart) -> Fact | None:
    """The fact that was cited: with these words of this resource, then one that alone is of the
    same kind and resource, then one that alone has the words."""
    words = [f for f in chart.facts if _words(f) == cited.words]
    place = [
        f for f in chart.facts if f.id[:1] == cited.fact[:1] and set(f.sources) & set(cited.of)
    ]
    both = [f for f in words if f in place]
    if both:
        return next((f for f in both if f.id == cited.fact), both[0])
    return next((found[0] for found in (place, words) if len(found) == 1), None)


def append(path: Path, answered: Answered) -> None:
    """Add one line; it is in the file when this returns."""
    with path.open("ab") as file:
        file.write(orjson.dumps(answered.model_dump(mode="json", exclude_defaults=True)) + b"\n")


def read(path: Path) -> tuple[Answered, ...]:
    """The lines of a file, the last of each case and run. A line that was cut off at the end of
    the file is left out. Raises EntriesError."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as fault:
        raise EntriesError(f"{path}: {fault.strerror}. Make it with cases.entries.") from fault
    found: dict[tuple[str, str], Answered] = {}
    for number, line in enumerate(lines[:-1], start=1):
        try:
            one = Answered.model_validate_json(line)
        except ValidationError as fault:
            what = fault.errors()[0]["msg"]
            raise EntriesError(f"{path}, line {number}: {what}. Remove the line.") from fault
        found[one.case, one.asked.model_dump_json()] = one
    return tuple(found.values())
