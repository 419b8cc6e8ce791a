"""What is known of each suite, as data."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from cds_hooks.evaluation.suites.suite import EvaluationCase, Rejected, Suite, Task

__all__ = ["SuiteInfo", "known_suites", "make_suite"]


class SuiteInfo(BaseModel):
    """An entry of `suites.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    file: str
    task: Task
    origin: str
    licence: str
    notes: tuple[str, ...]


@cache
def known_suites() -> dict[str, SuiteInfo]:
    """Every suite by id."""
    raw = tomllib.loads(files(__package__).joinpath("suites.toml").read_text("utf-8"))
    raw.pop("version")
    return {suite: SuiteInfo.model_validate(entry) for suite, entry in raw.items()}


def make_suite(
    suite: str, sha256: str, cases: Sequence[EvaluationCase], rejected: Sequence[Rejected] = ()
) -> Suite:
    """Cases under the entry of this id."""
    info = known_suites()[suite]
    return Suite(
        id=suite,
        title=info.title,
        task=info.task,
        origin=info.origin,
        licence=info.licence,
        sha256=sha256,
        cases=tuple(cases),
        rejected=tuple(rejected),
        notes=info.notes,
    )
