"""A document for a reviewer: sections of questions with their answers, and of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["NOT_AVAILABLE", "Document", "FilledBy", "Row", "Section", "Source", "Table"]

NOT_AVAILABLE = "not available"
"""The answer of a row that nobody filled."""


class FilledBy(StrEnum):
    """Who gives an answer: what runs, the model's file, the site, or a measurement."""

    SERVICE = "service"
    MODEL = "model"
    OPERATOR = "operator"
    EVALUATION = "evaluation"

    @property
    def who(self) -> str:
        """Who that is, for a reader who has to find them."""
        return _WHO[self]


_WHO = {
    FilledBy.SERVICE: "this service",
    FilledBy.MODEL: "the model's publisher",
    FilledBy.OPERATOR: "the operator of this installation",
    FilledBy.EVALUATION: "an evaluation of this installation",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a requirement comes from, and how it stood when somebody last read it there.

    `checked` is the day of that (ISO 8601, as exact as it is known), and empty when it is not.
    """

    standard: str
    clause: str = ""
    url: str = ""
    checked: str = ""
    state: str = ""

    @property
    def name(self) -> str:
        """ "45 CFR 170.315(b)(11)(iv)(B), (1)(i)"."""
        return ", ".join(part for part in (self.standard, self.clause) if part)

    @property
    def status(self) -> str:
        """How it stood, and when somebody last looked."""
        checked = (
            f"last checked {self.checked}" if self.checked else "day of the last check unknown"
        )
        return "; ".join(part for part in (self.state, checked) if part)

    @property
    def text(self) -> str:
        """Its name and how it stood."""
        return f"{self.name}; {self.status}"


@dataclass(frozen=True, slots=True)
class Row:
    """One question and its answer, whose lines are separated by line feeds.

    `filled_by` filled it, or must fill it where the answer is empty; `to_fill` then says how, and
    `known` what is known meanwhile. `also_by` filled parts of it. `evidence` are files, tests,
    records or commands that show it.
    """

    id: str
    question: str
    answer: str
    filled_by: FilledBy
    source: Source | None = None
    evidence: tuple[str, ...] = ()
    to_fill: str = ""
    known: str = ""
    also_by: tuple[FilledBy, ...] = ()

    @property
    def available(self) -> bool:
        """Whether somebody answered."""
        return bool(self.answer.strip())

    @property
    def told(self) -> str:
        """The answer, or "not available" with who must fill it."""
        if self.available:
            return self.answer
        how = f" {self.to_fill}" if self.to_fill else ""
        known = f"\nKnown meanwhile: {self.known}" if self.known else ""
        return f"{NOT_AVAILABLE}; to be filled by {self.filled_by.who}.{how}{known}"

    @property
    def told_by(self) -> str:
        """ "service, operator"."""
        return ", ".join(dict.fromkeys(each.value for each in (self.filled_by, *self.also_by)))


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text under their headings; each row has as many as there are headings."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ValueError(f"{self.caption or self.headings[0]}: a row has other columns")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document: paragraphs, then rows, then tables."""

    title: str
    text: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """What a reviewer is handed, alone and offline.

    `name` is the command's (`dsi`), `form` names the format or rule that it follows, `made_at` is
    UTC as RFC 3339, `version` the program's, `subject` the installation that it is about (a public
    address, or empty), `about` paragraphs that say what this is and what it is not.
    """

    name: str
    title: str
    made_at: str
    version: str
    sections: tuple[Section, ...]
    form: str = ""
    subject: str = ""
    about: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def rows(self) -> Iterator[Row]:
        """Every row, in order."""
        return (row for section in self.sections for row in section.rows)

    @property
    def share_filled(self) -> str:
        """ "10 of 31"."""
        found = [row.available for row in self.rows]
        return f"{sum(found)} of {len(found)}"

    @property
    def filled(self) -> Mapping[str, int]:
        """How many rows each filled, and how many are not available; without rows nothing."""
        counted = Counter(r.filled_by.value if r.available else NOT_AVAILABLE for r in self.rows)
        names = [*(each.value for each in FilledBy), NOT_AVAILABLE]
        return {name: counted[name] for name in names} if counted else {}
