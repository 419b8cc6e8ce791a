"""What of one exchange does not conform: on our side, and on the client's."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.conform.cards import response_problems
from cds_hooks.conform.catalogue import catalogue
from cds_hooks.conform.shapes import Problem, brief, null_or_empty

__all__ = ["Finding", "finding", "ordered", "response_findings"]

Level = Literal["shall", "should", "note"]
_LEVELS = {"shall": 0, "should": 1, "ours": 2, "note": 2}
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` is stable, `where` a path and never a value. `read` says how this service reads what
    a client sent; "" for a finding on a response, whose `came` says what was there instead."""

    rule: str
    level: str
    where: str
    words: str
    source: str
    read: str = ""
    came: str = ""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Level
    words: str = Field(min_length=1)
    general: str = ""
    read: str = Field(min_length=1)
    source: str = Field(min_length=1)


@cache
def rows() -> Mapping[str, _Row]:
    """`request_findings.toml`, by the rule's name."""
    read = tomllib.loads(files(__package__).joinpath("request_findings.toml").read_text("utf-8"))
    return {name: _Row.model_validate(row) for name, row in read.items() if name != "version"}


def finding(rule: str, where: str, **filled: object) -> Finding:
    """A finding on what a client sent. Raises KeyError for a rule that there is none of."""
    row = rows()[rule]
    words = row.words
    for name, value in filled.items():  # Not `format`: a name may hold braces.
        words = words.replace(f"{{{name}}}", brief(str(value), _LONGEST))
    return Finding(rule, row.level, brief(where, _LONGEST), words, row.source, row.read)


def response_findings(document: Any) -> tuple[Finding, ...]:
    """What is wrong with a response, by the checks of `chartside conform`; the worst first."""
    return ordered(_of_response(problem) for problem in _problems(document))


def _problems(document: Any) -> Iterator[Problem]:
    if not isinstance(document, dict):
        yield Problem("call-json", type(document).__name__)
        return
    if not isinstance(document.get("cards"), list):
        yield Problem("call-cards", "no array `cards`")
    for path in null_or_empty(document):
        yield Problem("call-no-null-or-empty", "null or empty", path)
    yield from response_problems(document)


def _of_response(problem: Problem) -> Finding:
    check = catalogue()[problem.check]
    expected = f"Expected: {check.expected}."
    came = brief(problem.came, _LONGEST)
    return Finding(check.id, check.level, brief(problem.where), expected, check.clause, came=came)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each once, what the specification forbids first."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: _LEVELS[each.level]))
