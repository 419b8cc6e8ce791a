"""Questions put to the engine alone: wording and schema are files, and their digest is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import orjson

from cds_hooks.inference.engine import GenerationRequest, Priority, Sample
from prompts.prompt import Message

__all__ = ["EngineQuestion", "QuestionConfig", "question"]


@dataclass(frozen=True, slots=True)
class QuestionConfig:
    """How a question is put; times in seconds."""

    samples: int = 3
    temperature: float = 0.7
    seed: int = 0
    max_tokens: int = 96
    deadline_s: float = 120.0


@dataclass(frozen=True, slots=True)
class EngineQuestion:
    """A wording with the schema of its answer: one object with one member, `member`."""

    id: str
    wording: jinja2.Template
    schema: Mapping[str, Any]
    member: str
    sha256: str

    def request(self, config: QuestionConfig, **values: object) -> GenerationRequest:
        """The request for these values."""
        return GenerationRequest(
            messages=(Message("user", self.wording.render(**values).strip()),),
            schema=self.schema,
            samples=config.samples,
            max_tokens=config.max_tokens,
            temperature=config.temperature,
            seed=config.seed,
            deadline_s=config.deadline_s,
            priority=Priority.BACKGROUND,
        )

    def read(self, sample: Sample) -> object:
        """The member that was asked for; None when a sample is not of that shape."""
        try:
            document = orjson.loads(sample.text)
        except orjson.JSONDecodeError:
            return None
        return document.get(self.member) if isinstance(document, dict) else None


@cache
def question(name: str) -> EngineQuestion:
    """The shipped question of this name: `<name>.j2` and `<name>.schema.json`."""
    wording, schema = (_raw(f"{name}.{end}") for end in ("j2", "schema.json"))
    parsed = orjson.loads(schema)
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - a prompt is not HTML
        trim_blocks=True,
    )
    return EngineQuestion(
        id=name,
        wording=environment.from_string(wording.decode()),
        schema=parsed,
        member=parsed["required"][0],
        sha256=hashlib.sha256(wording + schema).hexdigest(),
    )


def _raw(name: str) -> bytes:
    return files(__package__).joinpath("questions", name).read_bytes()
