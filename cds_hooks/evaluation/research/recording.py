"""Answers that were recorded elsewhere, read by case id and never by their place in a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cds_hooks.evaluation.evaluation_errors import SuiteError
from cds_hooks.evaluation.labels import label_key, split_options
from cds_hooks.evaluation.research.catalogue import RecordedModel

__all__ = ["Recorded", "Recording", "read_recording", "votes_of"]

_ID, _SECTION, _OPTIONS, _GOLD = (
    "case_id",
    "Section",
    "DifferentialDiagnosisList",
    "FinalDiagnosis",
)
_MAX_FIELD = 1 << 20


@dataclass(frozen=True)
class Recorded:
    """A case with its options and the key of what each run answered, by column.

    "" is a run that answered nothing; None one whose answer is lost, which counts nowhere.
    """

    id: str
    section: str
    options: tuple[str, ...]
    gold: str
    answers: Mapping[str, str | None]

    @cached_property
    def listed(self) -> frozenset[str]:
        """The options as keys."""
        return frozenset(map(label_key, self.options))

    @cached_property
    def truth(self) -> str:
        return label_key(self.gold)


@dataclass(frozen=True, slots=True)
class Recording:
    """Cases in the order of the file, without those that have no gold label (`unlabelled`)."""

    cases: tuple[Recorded, ...]
    unlabelled: tuple[str, ...]

    def realigned(self, answers: Mapping[str, Mapping[str, str | None]]) -> Recording:
        """The same cases with some answers (case id -> column -> answer) corrected."""
        cases = tuple(
            Recorded(c.id, c.section, c.options, c.gold, {**c.answers, **answers.get(c.id, {})})
            for c in self.cases
        )
        return Recording(cases, self.unlabelled)

    def without(self, ids: Iterable[str]) -> Recording:
        """The same recording without these cases."""
        gone = frozenset(ids)
        return Recording(tuple(c for c in self.cases if c.id not in gone), self.unlabelled)


def votes_of(case: Recorded, model: RecordedModel) -> tuple[str, ...]:
    """The keys of what a model's runs answered, in order, without those that are lost."""
    answers = (case.answers[column] for column in model.columns)
    return tuple(a for a in answers if a is not None)


def read_recording(path: Path, columns: Sequence[str], *, answers: Path | None = None) -> Recording:
    """Read a CSV of cases with one column a run.

    With `answers`, the runs are in a file of their own: joined by `case_id`, in whatever order.
    Raises SuiteError for a column that is missing, an id twice or a case without answers.
    """
    cases = _table(path, [_ID, _OPTIONS, _GOLD] if answers else [_ID, _OPTIONS, _GOLD, *columns])
    said = _table(answers, [_ID, *columns]) if answers else cases
    missing = [i for i in cases if i not in said]
    if missing:
        raise SuiteError(
            f"{len(missing)} cases have no row of answers", where=f"{answers}: case {missing[0]}"
        )
    made = [_case(row, said[i], columns) for i, row in cases.items()]
    return Recording(
        cases=tuple(c for c in made if c.truth),
        unlabelled=tuple(c.id for c in made if not c.truth),
    )


def _table(path: Path, wanted: Sequence[str]) -> dict[str, dict[str, str]]:
    """Rows by case id."""
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), restkey="", restval="")
    csv.field_size_limit(_MAX_FIELD)
    rows: dict[str, dict[str, str]] = {}
    try:
        missing = [c for c in wanted if c not in (reader.fieldnames or ())]
        if missing:
            raise SuiteError(f"{len(missing)} columns are missing", where=f"{path}: {missing[0]}")
        for row in reader:
            _add(rows, row, f"{path}: line {reader.line_num}")
    except csv.Error:
        raise SuiteError("not a CSV row", where=f"{path}: line {reader.line_num}") from None
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise SuiteError("cannot be read", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise SuiteError("not UTF-8", where=f"{path}: byte {error.start}") from None


def _add(rows: dict[str, dict[str, str]], row: dict[str, str], where: str) -> None:
    if "" in row:
        raise SuiteError("more fields than columns", where=where)
    case_id = row[_ID].strip()
    if not case_id:
        raise SuiteError("a row without a case id", where=where)
    if case_id in rows:
        raise SuiteError("a case id for the second time", where=where)
    rows[case_id] = row


def _case(row: Mapping[str, str], said: Mapping[str, str], columns: Sequence[str]) -> Recorded:
    gold = row[_GOLD].strip()
    return Recorded(
        id=row[_ID].strip(),
        section=row.get(_SECTION, "").strip(),
        options=split_options(row[_OPTIONS], [gold]),
        gold=gold,
        answers={c: label_key(said[c]) for c in columns},
    )
