"""The question whether a diagnosis is right, put to the model that named it: a template as data."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import jinja2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prompts.prompt import Message, TemplateRef
from prompts.template import TemplateChange, TemplateError, digest, environment
from prompts.text import neutral

__all__ = ["SelfEvaluation", "load_self_evaluation"]

_FOLDER = Path(__file__).parent / "self-evaluation"


class _Told(BaseModel):
    """`template.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    version: str
    purpose: str
    source: str
    affirmative: tuple[str, ...] = Field(min_length=1)
    negative: tuple[str, ...] = Field(min_length=1)
    history: tuple[TemplateChange, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class SelfEvaluation:
    """The loaded template; `affirmative` and `negative` are spellings of the two answers."""

    ref: TemplateRef
    affirmative: tuple[str, ...]
    negative: tuple[str, ...]
    ideas: jinja2.Template = field(repr=False, compare=False)
    question: jinja2.Template = field(repr=False, compare=False)

    def conversations(
        self, asked: Sequence[Message], names: Sequence[str]
    ) -> tuple[tuple[Message, ...], ...]:
        """For each name: what the model was `asked`, all names as its answer, and the question.

        Names of free text are the model's own words, so they are made harmless like a chart's.
        """
        shown = [neutral(name) for name in names]
        answer = Message("assistant", self.ideas.render(names=shown).strip())
        questions = (self.question.render(name=name).strip() for name in shown)
        return tuple((*asked, answer, Message("user", question)) for question in questions)


@lru_cache(maxsize=4)
def load_self_evaluation(version: str = "1") -> SelfEvaluation:
    """The template of this version. Raises TemplateError when it is not there or not valid."""
    folder = _FOLDER / version
    try:
        told = _Told.model_validate(tomllib.loads((folder / "template.toml").read_text("utf-8")))
        ideas, question = (
            environment().from_string((folder / name).read_text("utf-8"))
            for name in ("ideas.j2", "question.j2")
        )
    except (OSError, ValueError, ValidationError, jinja2.TemplateError) as error:
        raise TemplateError(f"template self-evaluation/{version}: {error}") from error
    ref = TemplateRef(told.id, told.version, digest(folder))
    return SelfEvaluation(ref, told.affirmative, told.negative, ideas, question)
