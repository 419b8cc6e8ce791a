"""Lines of a suite's file -> checked rows. What cannot be used is named by its line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.suites.suite import EvaluationCase, OnError, Rejected

__all__ = ["SuiteRow", "Rows", "digest", "read_rows", "to_cases"]

_MAX_LINE = 16 << 20


class SuiteRow(BaseModel):
    """Base of a suite's rows: what is not asked for may be there and is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)


R = TypeVar("R", bound=SuiteRow)


@dataclass(slots=True)
class Rows:
    """Rejections gathered while reading, or raised at once."""

    path: Path
    on_error: OnError
    rejected: list[Rejected] = field(default_factory=list)

    def reject(self, line: int, why: str) -> None:
        """Remember a line that makes no case; raises SuiteError when told to stop there."""
        self.reject_at(f"line {line}", why)

    def reject_at(self, place: str, why: str) -> None:
        """The same where something else than a line tells the place."""
        where = f"{self.path.name}: {place}"
        if self.on_error is OnError.STOP:
            hint = "Mend the line, or go on without such lines (--on-error skip)."
            raise SuiteError(why, where=where, hint=hint)
        self.rejected.append(Rejected(where, why))


def read_rows(path: Path, schema: type[R], rows: Rows) -> Iterator[tuple[int, R]]:
    """The rows of a JSONL file with their line numbers, from 1; blank lines are not rows."""
    for number, line in enumerate(_bytes(path).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            if len(line) > _MAX_LINE:
                raise ValueError("line too long")
            yield number, schema.model_validate(orjson.loads(line))
        except orjson.JSONDecodeError:
            rows.reject(number, "not JSON")
        except ValidationError as error:
            rows.reject(number, _explained(error))
        except (ValueError, RecursionError):
            rows.reject(number, "longer or deeper than a case can be")


def to_cases(
    path: Path, schema: type[R], make: Callable[[int, R], EvaluationCase], rows: Rows
) -> list[EvaluationCase]:
    """One case a row: those without a truth, or with an id for the second time, are rejected.

    So are those that `make` raises SuiteError for, and closed-list cases whose truth is not one of
    their options: nobody could be right.
    """
    cases: dict[str, EvaluationCase] = {}
    for number, row in read_rows(path, schema, rows):
        try:
            case = make(number, row)
        except SuiteError as error:
            rows.reject(number, error.message)
            continue
        if why := _unusable(case, cases):
            rows.reject(number, why)
        else:
            cases[case.id] = case
    return list(cases.values())


def _unusable(case: EvaluationCase, others: Mapping[str, EvaluationCase]) -> str:
    if not any(name.strip() for name in case.gold.names) and not case.gold.codes:
        return "no gold diagnosis"
    if case.id in others:
        return "a case id for the second time"
    if case.options and not case.truth_listed:
        return "the gold diagnosis is not among the options"
    return ""


def digest(*paths: Path) -> str:
    """SHA-256 over files, each with its name and length, in the order of their names."""
    whole = hashlib.sha256()
    for path in sorted(paths, key=lambda p: p.name):
        data = _bytes(path)
        whole.update(f"{path.name}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SuiteError("cannot be read", where=str(path)) from error


def _explained(error: ValidationError) -> str:
    """Which fields are wrong and how; never what they hold."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'row'}: {first['type'].replace('_', ' ')}"
