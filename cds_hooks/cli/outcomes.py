"""A consultation that ended without an answer, as a command tells it: code, cause, what to do."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from cds_hooks.consultation import CheckedConsultation, Consultation, Outcome
from cds_hooks.errors import ChartsideError

__all__ = ["NotAnswered", "not_answered"]

_ANSWERS = frozenset({Outcome.ANSWERED, Outcome.REUSED, Outcome.CHECKED})


class NotAnswered(ChartsideError):
    """There is no differential; `code` is the most telling one of what kept the model from it."""

    code = "not-answered"
    status = 503

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.code = code


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    happened: str
    todo: str


def not_answered(done: Consultation, cause: str = "") -> NotAnswered | None:
    """Why a consultation has no answer; None when it has one.

    `cause` is what the engine says of itself, where the caller knows it; without it the
    consultation's own words are told.
    """
    if done.outcome in _ANSWERS:
        return None
    words = _words()[done.outcome.value]
    checked = done if isinstance(done, CheckedConsultation) else None
    cause = cause or (checked.outcome_detail if checked else "")
    hint = f"{cause.rstrip('.')}. {words.todo}" if cause else words.todo
    return NotAnswered((checked and checked.fault) or done.outcome.value, words.happened, hint=hint)


@cache
def _words() -> Mapping[str, _Words]:
    raw = tomllib.loads(files("cds_hooks.cli").joinpath("outcomes.toml").read_text("utf-8"))
    return {name: _Words.model_validate(told) for name, told in raw.items() if name != "version"}
