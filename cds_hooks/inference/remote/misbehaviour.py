"""What model servers are known to do wrong, and when an answer is ended for it: data, by code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

__all__ = ["AnswerBounds", "Misbehaviour", "Misbehaviours", "code_in", "misbehaviours"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerBounds(_Data):
    """When an answer is ended early; see `misbehaviour.toml` for what each is and why."""

    white_space: int = Field(gt=0)
    repeated_characters: int = Field(gt=0)
    repeated_times: int = Field(gt=1)
    repeated_unit: int = Field(gt=0)
    thought_share: float = Field(ge=0)
    thought_characters_a_token: int = Field(gt=0)
    prompt_characters_a_token: int = Field(gt=0)
    patience: int = Field(ge=0)


class Misbehaviour(_Data):
    """`answered` is whether the model did answer, and not in a form that can be used. `said` are
    words, in lower case, of a server's own error by which it is known."""

    code: str = Field(pattern=r"^server(-[a-z]+)+$")
    answered: bool = False
    servers: str
    message: str
    seen: str
    switch: str
    sources: tuple[HttpUrl, ...] = Field(min_length=1)
    not_found: tuple[HttpUrl, ...] = ()
    said: tuple[str, ...] = ()


class Misbehaviours(_Data):
    """The whole of `misbehaviour.toml`."""

    version: str
    bounds: AnswerBounds
    misbehaviour: tuple[Misbehaviour, ...]


@cache
def misbehaviours() -> Misbehaviours:
    """What is known, checked once."""
    text = files("cds_hooks.inference.remote").joinpath("misbehaviour.toml").read_text("utf-8")
    return Misbehaviours.model_validate(tomllib.loads(text))


def code_in(error: bytes) -> str:
    """The code of the misbehaviour that a server's own error tells of; empty for any other."""
    words = error.decode("utf-8", "replace").lower()
    known = (m.code for m in misbehaviours().misbehaviour for said in m.said if said in words)
    return next(known, "")
