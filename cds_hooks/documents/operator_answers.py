"""What only the site can write: the questions, and the site's TOML file of answers."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from cds_hooks.errors import ChartsideError

__all__ = [
    "LONGEST",
    "AnswersInvalid",
    "OperatorAnswers",
    "Question",
    "parse_answers",
    "questions",
    "with_answer",
]

LONGEST = 20_000
"""Characters of one answer at most."""

_HEADER = re.compile(r"^\[", re.MULTILINE)


class AnswersInvalid(ChartsideError):
    """The site's file of answers cannot be used; `where` names the key or the file."""

    code = "operator-file-invalid"
    status = 400


@dataclass(frozen=True, slots=True)
class Question:
    """One question by its key (`developer.name`): what is asked, and what a good answer has."""

    key: str
    question: str
    help: str


@dataclass(frozen=True, slots=True)
class OperatorAnswers:
    """Answers by key; what was not answered is not there."""

    by_key: Mapping[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str:
        """The answer, or empty. Raises KeyError for a key that no question has."""
        questions()[key]
        return self.by_key.get(key, "")

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that have no answer, in the order in which they are asked."""
        return tuple(key for key in questions() if key not in self.by_key)


@cache
def questions() -> Mapping[str, Question]:
    """Every question by its key, in the order in which they are asked."""
    raw = tomllib.loads(files(__package__).joinpath("data/operator.toml").read_text("utf-8"))
    return {
        f"{group}.{name}": Question(f"{group}.{name}", **each)
        for group, inner in raw.items()
        if isinstance(inner, dict)
        for name, each in inner.items()
    }


def parse_answers(text: str, where: str) -> OperatorAnswers:
    """The answers in a TOML text; `where` names its file in errors. Empty ones count as none.

    Raises AnswersInvalid with every key that is not known, with what it is like, and every value
    that is no text.
    """
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        told = f"{error}." if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise AnswersInvalid("the file is not TOML", where=where, hint=told) from None
    problems: list[str] = []
    found = {key: value.strip() for key, value in _flat(raw) if _is_good(key, value, problems)}
    if problems:
        hint = "`chartside export describe --json` lists all keys."
        raise AnswersInvalid("; ".join(problems), where=where, hint=hint)
    return OperatorAnswers({key: value for key, value in found.items() if value})


def with_answer(text: str, key: str, answer: str, where: str) -> str:
    """The TOML text with one more answer, its comments and all else as they were.

    Raises KeyError for a key that no question has, AnswersInvalid when the text is no file of
    answers or the key has an answer already.
    """
    group, _, name = questions()[key].key.partition(".")
    before = parse_answers(text, where)
    line = f"{name} = {_toml(answer)}\n"
    header = re.search(rf"^\[{group}\][^\n]*(\n|\Z)", text, re.MULTILINE)
    if header is None:
        gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        made = f"{text}{gap}[{group}]\n{line}"
    else:
        rest = _without_empty(text[header.end() :], name)
        made = f"{text[: header.end()].rstrip()}\n{line}{rest}"
    # Whatever form the file has, its other answers must stay as they were.
    if parse_answers(made, where).by_key != {**before.by_key, key: answer}:
        hint = f"Write {key} into it by hand."
        raise AnswersInvalid("the file has a form that cannot be added to", where=where, hint=hint)
    return made


def _without_empty(rest: str, name: str) -> str:
    """What follows a table's header, without the same key where it is empty."""
    following = _HEADER.search(rest)
    end = following.start() if following else len(rest)
    empty = rf"""^{name}\s*=\s*(""|\'\')[^\S\n]*(#[^\n]*)?\n?"""
    return re.sub(empty, "", rest[:end], flags=re.MULTILINE) + rest[end:]


def _toml(text: str) -> str:
    """A basic string of TOML 1.0 on one line."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _flat(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in raw.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", each) for inner, each in value.items())
        else:
            yield name, value


def _is_good(key: str, value: Any, problems: list[str]) -> bool:
    if key not in questions():
        near = difflib.get_close_matches(key, questions(), n=1)
        problems.append(f"{key} is not known{f' (did you mean {near[0]}?)' if near else ''}")
    elif not isinstance(value, str):
        problems.append(f"{key}: must be a text")
    elif len(value) > LONGEST:
        problems.append(f"{key}: must not be longer than {LONGEST} characters")
    else:
        return True
    return False
