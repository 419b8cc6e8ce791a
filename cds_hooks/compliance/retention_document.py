"""`chartside export retention`: what is kept how long, and what was destroyed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from cds_hooks.compliance.checks import InstallationFacts, StoreFacts
from cds_hooks.documents import Document, Section, Source, Table

__all__ = ["Destruction", "KeptRecords", "destructions", "kept_table", "retention_document"]

MOST_LISTED = 1000
"""How many destructions are listed; the newest."""

_ABOUT = (
    "What this installation keeps, for how long, how it is destroyed, and the log of what was "
    "destroyed, as its ledger has it.",
    "How long something must or may be kept is for the site to say; no period here is a legal one.",
)
_SOURCES = (
    Source("45 CFR 164.316", "(b)(2)(i): documentation of this subpart, six years",
           "https://www.ecfr.gov/current/title-45/section-164.316", "2026-11-29"),
    Source("Regulation (EU) 2024/1689", "articles 19(1) and 26(6): logs, at least six months",
           "https://eur-lex.europa.eu/eli/reg/2024/1689/oj", "2026-11-29"),
)  # fmt: skip
_KEY = re.compile(r"\{([a-z_.]+)\}")
_COUNTED = ("records", "consultations", "cards", "feedback")


class KeptRecords(BaseModel):
    """One row of `data/retention.toml`; `{key}` stands for a setting's value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    where: str
    how_long: str
    destroyed: str
    on_record: str


@dataclass(frozen=True, slots=True)
class Destruction:
    """A ledger record of something that was destroyed: counts, and what proves it."""

    seq: int
    recorded: str
    type: str
    destroyed: str
    proof: str


@cache
def kept_table() -> tuple[KeptRecords, ...]:
    """The rows that this version ships."""
    text = files("cds_hooks.compliance").joinpath("data/retention.toml").read_text("utf-8")
    return tuple(KeptRecords.model_validate(row) for row in tomllib.loads(text)["kept"])


def destructions(records: Iterable[Mapping[str, Any]]) -> Iterator[Destruction]:
    """The destructions among ledger records, in their order. No pseudonym is told."""
    for record in records:
        type_, details = str(record.get("type", "")), record.get("details", {})
        if type_ == "records-dropped":
            told = ", ".join(f"{details.get(name, 0)} {name}" for name in _COUNTED)
            proof = f"digest over the ids: {details.get('ids', '')}"
        elif type_ == "patient-erased":
            keys = details.get("keys", [])
            told = f"{len(keys)} data keys of one patient"
            proof = f"ids of the keys: {', '.join(map(str, keys))}"
        else:
            continue
        yield Destruction(int(record["seq"]), str(record["recorded"]), type_, told, proof)


def retention_document(facts: InstallationFacts, version: str) -> Document:
    """The document about an installation."""
    return Document(
        name="retention",
        title="What is kept, for how long, and what was destroyed",
        made_at=facts.at,
        version=version,
        subject=str(facts.settings["server.public_url"]),
        about=_ABOUT,
        sections=(_kept(facts.settings), _now(facts), _log(facts)),
        sources=_SOURCES,
    )


def _kept(settings: Mapping[str, Any]) -> Section:
    rows = tuple(
        (each.what, _filled(each.where, settings), _filled(each.how_long, settings),
         each.destroyed, each.on_record)
        for each in kept_table()
    )  # fmt: skip
    heads = ("What", "Where", "How long", "How it is destroyed", "Ledger record")
    text = (
        "Retention passes over what is under a legal hold (chartside audit hold). A changed "
        "setting applies to what is recorded from then on.",
    )
    return Section("Retention", text, tables=(Table(heads, rows),))


def _filled(text: str, settings: Mapping[str, Any]) -> str:
    def shown(match: re.Match[str]) -> str:
        value = settings[match[1]]
        return "not set" if value is None else f"{value:g}" if _is_number(value) else str(value)

    return _KEY.sub(shown, text)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _now(facts: InstallationFacts) -> Section:
    if facts.store is None or facts.ledger is None:
        return Section("In the store now", (f"Not read: {facts.unread}.",))
    rows = (*_counts(facts.store), ("oldest ledger record", facts.ledger.first or "none"),
            ("ledger records", str(facts.ledger.records)))  # fmt: skip
    return Section("In the store now", tables=(Table(("What", "How many"), rows),))


def _counts(store: StoreFacts) -> tuple[tuple[str, str], ...]:
    return (
        ("consultations and feedback that can be read", str(store.payloads)),
        ("data keys in use", str(store.data_keys)),
        ("data keys destroyed", str(store.erased_keys)),
        ("active legal holds", str(store.holds)),
        ("expired a day ago or more, under no hold, and still there", str(store.overdue)),
    )


def _log(facts: InstallationFacts) -> Section:
    if facts.ledger is None:
        return Section("What was destroyed", (f"Not read: {facts.unread}.",))
    destroyed = tuple(destructions(facts.destroyed))
    listed = destroyed[-MOST_LISTED:]
    verified = facts.ledger.failure or "verified whole when this was made"
    text = [f"{len(destroyed)} records of the ledger ({verified})."]
    if len(listed) < len(destroyed):
        text.append(f"The newest {MOST_LISTED} are listed; chartside audit query has all.")
    rows = tuple(
        (str(each.seq), each.recorded, each.type, each.destroyed, each.proof) for each in listed
    )
    heads = ("Record", "When (UTC)", "Type", "Destroyed", "Proof")
    return Section("What was destroyed", tuple(text), tables=(Table(heads, rows),) if rows else ())
