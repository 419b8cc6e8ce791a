"""What a model or a teacher wrote about cases: traces, answers, by the id of the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds_hooks.tuning.draft import Draft
from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = ["Taught", "read_teacher", "with_teacher"]


class Taught(BaseModel):
    """A line: `by` is who wrote it, a model's name or a person's role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    by: str = Field(min_length=1)
    trace: str = ""
    answer: str = ""


def read_teacher(path: Path) -> dict[str, Taught]:
    """The lines by id; an id twice is an error. Raises TuningDataError."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise TuningDataError("cannot be read", where=str(path)) from error
    found: dict[str, Taught] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name}: line {number}"
        try:
            taught = Taught.model_validate(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError):
            hint = "docs/tuning-format.md has each field."
            raise TuningDataError("not what a teacher wrote", where=where, hint=hint) from None
        if taught.id in found:
            raise TuningDataError("an id for the second time", where=where)
        found[taught.id] = taught
    return found


def with_teacher(drafts: Sequence[Draft], taught: Mapping[str, Taught]) -> list[Draft]:
    """Drafts with what was written about them; the rest as they are."""
    return [_with(d, taught[d.id]) if d.id in taught else d for d in drafts]


def _with(draft: Draft, taught: Taught) -> Draft:
    by = taught.by if taught.trace else draft.trace_by
    return replace(
        draft,
        trace=taught.trace or draft.trace,
        trace_by=by,
        answer=taught.answer or draft.answer,
    )
