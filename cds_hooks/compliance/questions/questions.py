"""The questions as data: what is asked, by which standard, and where the evidence is."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

__all__ = ["Command", "Page", "Question", "questions"]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(_Row):
    """A page of the console: its address below the service's, and what it is for."""

    path: str
    text: str


class Command(_Row):
    """A command that needs no running service, and what it gives."""

    gives: str
    line: str


class Question(_Row):
    """One question; `id` is stable."""

    id: str
    asks: str
    standards: tuple[str, ...]
    pages: tuple[Page, ...]
    commands: tuple[Command, ...]


@cache
def questions() -> tuple[Question, ...]:
    """All of them, in the order of the file."""
    text = (files(__package__) / "questions.toml").read_text("utf-8")
    return tuple(Question.model_validate(row) for row in tomllib.loads(text)["question"])
