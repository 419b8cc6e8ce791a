"""What the mappers of the resource types write to: facts without a number, and omissions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fhir_mapping.chart import Certainty, Code, Experiencer, Flag, Kind, Omission, Polarity, Range
from fhir_mapping.context import Statements
from fhir_mapping.elements.terms import Term
from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.elements.times import RelativeTimes
from fhir_mapping.input.dialects import FhirDialect
from fhir_mapping.input.resource_index import ResourceIndex

__all__ = ["Draft", "MappingAccumulator", "MappingContext", "NoteDraft"]


@dataclass(slots=True)
class Draft:
    """A fact in the making.

    `key` says which drafts of one kind are the same thing told again (they become one fact, led by
    the one of the highest `weight`, then the newest). `text` is the whole phrase for most kinds; of
    a `result` it is the name, and the phrase is made when its course is known (`shown` is its value
    as text; None: the number itself; `limits` and `flagged` are its range and flag as text where
    they are not those of one number; `by_range`: the flag was made here, from the range). `name` is
    what problems, allergies and drugs are called, by which they are the same also under other
    codes. `also`: references of other resources that were read for it. `paths`: the parts of
    the resource it came from ("Observation/o1#component-2"). `nothing_known`: there is none
    of the kind.
    """

    kind: Kind
    key: str
    text: str
    ref: str
    days_ago: float | None = None
    codes: tuple[Code, ...] = ()
    status: str = ""
    polarity: Polarity = Polarity.PRESENT
    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    range: Range | None = None
    flag: Flag | None = None
    by_range: bool = False
    shown: str | None = None
    limits: str = ""
    flagged: str = ""
    result: bool = False
    remark: str = ""
    name: str = ""
    also: tuple[str, ...] = ()
    weight: int = 0
    certainty: Certainty = Certainty.CERTAIN
    experiencer: Experiencer = Experiencer.PATIENT
    paths: tuple[str, ...] = ()
    nothing_known: bool = False


@dataclass(frozen=True, slots=True)
class NoteDraft:
    """A text that is to be told by excerpts: of a document, a composition or a report.

    `what` names the text itself ("DocumentReference/d1#content-2"), `ref` its resource, `also` the
    Binary it was in. `alone` are kinds of sections that no resource tells ("allergies").
    """

    what: str
    ref: str
    name: str
    kind: Kind
    days_ago: float | None
    codes: tuple[Code, ...]
    status: str
    text: str
    also: tuple[str, ...] = ()
    alone: frozenset[str] = frozenset()


@dataclass(slots=True)
class MappingAccumulator:
    """Everything found so far."""

    drafts: list[Draft] = field(default_factory=list)
    omissions: list[Omission] = field(default_factory=list)
    notes: list[NoteDraft] = field(default_factory=list)
    read_for_others: set[str] = field(default_factory=set)

    def leave(self, what: str, reason: str, detail: str, kind: Kind | None = None) -> None:
        self.omissions.append(Omission(what, reason, detail, kind))

    def told(self, draft: Draft) -> None:
        self.drafts.append(draft)
        self.read_for_others.update(draft.also)

    def noted(self, note: NoteDraft) -> None:
        self.notes.append(note)
        self.read_for_others.update(note.also)


@dataclass(frozen=True, slots=True)
class MappingContext:
    """What every mapper may look at: how to read, who the patient is, and what statements say.

    `absences` keeps what entries that name no thing say (`fhir_mapping.drafting.absence_words`).
    """

    dialect: FhirDialect
    times: RelativeTimes
    words: TextCleaner
    term: Callable[[Any], Term]
    index: ResourceIndex
    found: MappingAccumulator
    age_years: float | None
    sex: str | None
    encounter_id: str | None = None
    assessments: bool = True
    statements: Statements = field(default_factory=Statements)
    absences: dict[tuple[Any, ...], Any] = field(default_factory=dict)
