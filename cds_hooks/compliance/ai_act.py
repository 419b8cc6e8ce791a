"""`chartside export ai-act`: events, proof of retention, human oversight, instructions for use."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cds_hooks.audit.ledger.record_types import RECORD_TYPES
from cds_hooks.compliance.checks import InstallationFacts, check_profile, profile
from cds_hooks.documents import Document, FilledBy, Row, Section, Source, Table

__all__ = ["AiActTable", "ai_act_document", "ai_act_table"]

_ACT, _AMENDMENT = "Regulation (EU) 2024/1689", "Regulation (EU) 2026/1744"
_URL = "https://eur-lex.europa.eu/eli/reg/2024/1689/oj"
# Six months have 184 days at most (March to August, July to December).
_SIX_MONTHS_DAYS = 184
_ABOUT = (
    "What this installation has for articles 12 to 14, 19 and 26 of the EU AI Act. Whether its use "
    "is high-risk, and who is provider and deployer, is for the site and its counsel to say.",
    "It states facts and points to documents; it is no declaration of conformity.",
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Date(_Strict):
    date: str
    what: str
    url: str


class _Point(_Strict):
    point: str
    asks: str
    answer: str
    to_fill: str = ""
    operator: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class AiActTable(_Strict):
    """`data/ai_act.toml`."""

    version: str
    checked: str
    how_checked: str
    dates: tuple[_Date, ...]
    oversight: tuple[_Point, ...]
    instructions: tuple[_Point, ...]


@cache
def ai_act_table() -> AiActTable:
    """The table that this version ships."""
    text = files("cds_hooks.compliance").joinpath("data/ai_act.toml").read_text("utf-8")
    return AiActTable.model_validate(tomllib.loads(text))


def ai_act_document(facts: InstallationFacts, version: str) -> Document:
    """The document about an installation."""
    table = ai_act_table()
    return Document(
        name="ai-act",
        title="EU AI Act: records, oversight, instructions for use",
        made_at=facts.at,
        version=version,
        subject=str(facts.settings["server.public_url"]),
        about=_ABOUT,
        sections=(
            _dates(table),
            _events(facts),
            _retention(facts),
            _oversight(facts, table),
            _instructions(facts, table),
        ),
        sources=(
            Source(_ACT, "articles 12, 13, 14, 19 and 26", _URL, table.checked, table.how_checked),
            Source(_AMENDMENT, "dates of application", table.dates[-1].url, table.checked),
        ),
    )


def _dates(table: AiActTable) -> Section:
    rows = tuple((each.date, each.what, each.url) for each in table.dates)
    told = Table(("Date", "What applies", "Source"), rows)
    return Section("Dates of application", (table.how_checked,), tables=(told,))


def _events(facts: InstallationFacts) -> Section:
    ledger = facts.ledger
    counts: Mapping[str, int] = ledger.counts if ledger else {}
    last: Mapping[str, str] = ledger.last_times if ledger else {}
    rows = tuple(
        (name, each.when, each.proves, ", ".join(f"12(2)({point})" for point in each.serves),
         str(counts.get(name, 0)) if ledger else "not read", last.get(name, "-"))
        for name, each in RECORD_TYPES.items()
    )  # fmt: skip
    heads = ("Type", "Written when", "Proves", "Serves", "In this ledger", "Last (UTC)")
    text = (
        "Every type of record that this version writes, automatically and without a switch. Each "
        "has a number without a gap, the time, the version and the hash of the record before. "
        "Which point of article 12(2) a type serves is the developers' own assignment.",
    )
    return Section("Article 12: events", text, tables=(Table(heads, rows),))


def _retention(facts: InstallationFacts) -> Section:
    """The checks of the ledger, with what they looked at."""
    found = {
        check.id: finding for check, finding in check_profile(profile("aiact"), facts).findings
    }
    kept, recorded = found["AIACT-19-1"], found["AIACT-12-1"]
    rows = [
        _row("19-1", "Articles 19(1) and 26(6): are logs kept for six months at least?",
             f"{kept.result}: {kept.says}"),
        _row("12-1", "Article 12(1): are events recorded automatically?",
             f"{recorded.result}: {recorded.says}"),
    ]  # fmt: skip
    ledger = facts.ledger
    if ledger is not None:
        whole = ledger.failure or "no record was changed, moved, removed or inserted"
        signed = f"{ledger.covered} of {ledger.records} records are under a signed checkpoint"
        rows.append(_row("proof", "Is the ledger whole?", f"{whole}; {signed}."))
    content = facts.settings["retention.consultations_days"]
    enough = "six months or more" if content >= _SIX_MONTHS_DAYS else "less than six months"
    told = (
        f"Contents of consultations (prompt, output) are kept for {content:g} days, which is "
        f"{enough}. Whether they are logs in the sense of the Act is the site's to say."
    )
    rows.append(_row("content", "Are contents kept as long as the ledger?", told))
    return Section("Articles 19(1) and 26(6): retention", rows=tuple(rows))


def _row(id_: str, question: str, answer: str) -> Row:
    evidence = ("chartside audit verify", "chartside compliance check --profile aiact")
    return Row(id_, question, answer, FilledBy.SERVICE, evidence=evidence)


def _oversight(facts: InstallationFacts, table: AiActTable) -> Section:
    values = {
        "caution": f'"{facts.caution}"',
        "services": ", ".join(service.id for service in facts.services) or "none",
        "switched": str(facts.ledger.switched_off) if facts.ledger else "not read",
    }
    rows = [_point(each, each.answer.format(**values), "service") for each in table.oversight]
    roles = ("openid.reviewers", "openid.administrators")
    people = {key: facts.settings[key] for key in roles}
    told = "; ".join(f"{key}: {', '.join(value)}" for key, value in people.items() if value)
    source = Source(_ACT, "article 26(2)", _URL, table.checked)
    rows.append(
        Row("26(2)", "To whom is oversight assigned?", told, FilledBy.OPERATOR, source,
            to_fill="The identity provider's values in openid.reviewers and openid.administrators.")
    )  # fmt: skip
    return Section("Article 14: human oversight", rows=tuple(rows))


def _instructions(facts: InstallationFacts, table: AiActTable) -> Section:
    rows = tuple(_instruction(each, facts.operator_answers) for each in table.instructions)
    text = ("Where the material for instructions for use is; the instructions are the provider's.",)
    return Section("Article 13: instructions for use", text, rows=rows)


def _instruction(point: _Point, answers: Mapping[str, str]) -> Row:
    """What the site wrote, then where the service's material is."""
    written = [answers[key] for key in point.operator if key in answers]
    answer = "\n".join([*written, *([point.answer] if point.answer else [])])
    return _point(point, answer, "service" if point.answer and not written else "operator")


def _point(point: _Point, answer: str, by: Literal["service", "operator"]) -> Row:
    source = Source(_ACT, f"article {point.point}", _URL, ai_act_table().checked)
    return Row(point.point, point.asks, answer, FilledBy(by), source, point.evidence, point.to_fill)
