"""Attributes of a document as data: what is asked, who fills it, and the rows made of them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby

from pydantic import BaseModel, ConfigDict

from cds_hooks.documents.document import FilledBy, Row, Section, Source
from cds_hooks.documents.installation import Installation
from cds_hooks.documents.operator_answers import questions

__all__ = [
    "Attribute",
    "AttributeTable",
    "Derived",
    "rows_of",
    "sections_of",
    "table_of",
    "uses_of",
]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attribute(_Data):
    """One attribute (see `data/dsi.toml` for its fields)."""

    id: str
    clause: str = ""
    group: str = ""
    question: str
    who: FilledBy
    checked: str = ""
    site: bool = False
    says: tuple[str, ...] = ()
    derive: str = ""
    operator: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class _Source(_Data):
    standard: str
    url: str = ""
    checked: str = ""
    state: str = ""
    clauses_checked: str = ""


class AttributeTable(_Data):
    """A table of attributes and the rule that asks for them."""

    version: int
    source: _Source
    attributes: tuple[Attribute, ...]

    def source_of(self, attribute: Attribute) -> Source:
        """The clause that asks for one attribute. The state of the rule is the document's."""
        found = self.source
        checked = attribute.checked or found.clauses_checked or found.checked
        return Source(found.standard, attribute.clause, found.url, checked)

    @property
    def whole_source(self) -> Source:
        """The rule itself, with its state."""
        return Source(**self.source.model_dump(exclude={"clauses_checked"}))


@dataclass(frozen=True, slots=True)
class Derived:
    """What was worked out for an attribute, and from what; empty where there is nothing."""

    text: str
    by: FilledBy = FilledBy.SERVICE


_DOCUMENTS = {"dsi": "dsi", "evidence_based": "dsi", "chai": "chai", "playbook": "chai"}
Derivations = Mapping[str, Callable[[Installation], Derived]]


@cache
def table_of(name: str) -> AttributeTable:
    """The table `data/{name}.toml`."""
    text = files(__package__).joinpath(f"data/{name}.toml").read_text("utf-8")
    return AttributeTable.model_validate(tomllib.loads(text))


def uses_of(key: str) -> tuple[str, ...]:
    """Where an answer of the site is used: "dsi details.funding"."""
    return tuple(
        f"{document} {attribute.id}"
        for name, document in _DOCUMENTS.items()
        for attribute in table_of(name).attributes
        if key in attribute.operator
    )


def sections_of(
    table: AttributeTable, of: Installation, derivations: Derivations
) -> tuple[Section, ...]:
    """A section for each group of attributes, in the table's order."""
    grouped = groupby(table.attributes, key=lambda each: each.group)
    return tuple(
        Section(group, rows=tuple(_row(table, each, of, derivations) for each in each_group))
        for group, each_group in grouped
    )


def rows_of(table: AttributeTable, of: Installation, derivations: Derivations) -> Iterator[Row]:
    """A row for each attribute, in order."""
    return (_row(table, each, of, derivations) for each in table.attributes)


def _row(
    table: AttributeTable, attribute: Attribute, of: Installation, derivations: Derivations
) -> Row:
    answered = [of.operator.get(key) for key in attribute.operator]
    parts = [*_own_parts(attribute, of, derivations)]
    written = [Derived("\n".join(filter(None, answered)), FilledBy.OPERATOR)]
    lacking = not all(answered) if attribute.site else False
    filled = [] if lacking else [each for each in (*written, *parts) if each.text]
    known = " ".join(each.text.replace("\n", " ") for each in (*written, *parts) if each.text)
    return Row(
        id=attribute.id,
        question=attribute.question,
        answer="\n".join(each.text for each in filled),
        filled_by=filled[0].by if filled else attribute.who,
        source=table.source_of(attribute),
        evidence=attribute.evidence if filled else (),
        to_fill=_to_fill(attribute),
        known="" if filled else known,
        also_by=tuple(dict.fromkeys(each.by for each in filled[1:])) if filled else (),
    )


def _own_parts(
    attribute: Attribute, of: Installation, derivations: Derivations
) -> Iterator[Derived]:
    if attribute.says:
        yield Derived("\n".join(attribute.says))
    if attribute.derive:
        yield derivations[attribute.derive](of)


def _to_fill(attribute: Attribute) -> str:
    """How somebody fills it: a run, or a key of the site's file."""
    ways = []
    if attribute.who is FilledBy.EVALUATION:
        ways.append(_BY_RUN if not attribute.derive.startswith("local") else _BY_USE)
    if attribute.operator:
        keys = ", ".join(questions()[key].key for key in attribute.operator)
        ways.append(f"In the operator's file: {keys}.")
    return " ".join(ways)


_BY_RUN = (
    "`chartside eval run` with this model into a folder of `documents.evaluations`, or "
    "`chartside models admit`."
)
_BY_USE = "It comes with use: the store has no counts that may be told yet."
