"""What came of a case, one JSON line each; a file that a crash cut off is mended on opening.

A line holds the suite's case id, diagnoses and figures: nothing else of the chart.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds_hooks.consultation import Group, Verdict
from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.matching import MatchRule
from cds_hooks.private_files import make_folder

__all__ = ["ListedDiagnosis", "CaseResult", "Noted", "ResultsFile", "Said", "read_results"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Said(_Data):
    """A diagnosis as a sample wrote it, and the rules by which it is the truth.

    `log_probability` is that of the name over `tokens` tokens, None where it was not told.
    """

    name: str
    matches: tuple[MatchRule, ...] = ()
    log_probability: float | None = None
    tokens: int = 0


class ListedDiagnosis(Said):
    """A diagnosis as the card would list it.

    `flags` are the checks that failed, `passed` those that it passed (not kept by earlier runs),
    `noted` those that judge nothing and name facts for the reader. `p_true` and `second_view` are
    what the models say of it when asked; `cited` and `against` count the facts given for and
    against it. `places` is its place in each sample, from 1, None where that does not name it;
    empty in earlier runs.
    """

    verdict: Verdict = Verdict.UNCERTAIN
    agreement: float = Field(1.0, ge=0, le=1)
    flags: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    p_true: float | None = None
    second_view: float | None = None
    model_share: float = 1.0
    group: Group = Group.LIKELY
    cited: int = 0
    against: int = 0
    places: tuple[int | None, ...] = ()


class Noted(_Data):
    """A flag on the whole case, and how many facts it names; a red flag with the diagnosis it
    names and the rules by which that is the truth."""

    check: str
    facts: int = 0
    name: str = ""
    matches: tuple[MatchRule, ...] = ()


class CaseResult(_Data):
    """One case asked. `outcome` is the consultation's; without answers the case counts as wrong.

    `samples` are what each sample wrote, in order; `off_list` how many of them, in a closed-list
    task, wrote something that is no option; `stated` is a judge's score, `score` the people's;
    `noted` are flags on the whole case.
    """

    case: str
    outcome: str
    answers: tuple[ListedDiagnosis, ...] = ()
    samples: tuple[tuple[Said, ...], ...] = ()
    samples_failed: int = 0
    off_list: int = 0
    noted: tuple[Noted, ...] = ()
    age_band: str = ""
    recorded_sex: str = ""
    tags: tuple[str, ...] = ()
    resolved_gold: bool = True
    score: float | None = None
    stated: float | None = None
    seconds: float = 0.0
    timings_ms: dict[str, float] = Field(default_factory=dict)
    tokens: dict[str, int] = Field(default_factory=dict)

    def rank(self, match: MatchRule) -> int | None:
        """The place of the first answer that is right by this rule, from 1."""
        places = (i for i, a in enumerate(self.answers, start=1) if match in a.matches)
        return next(places, None)


class ResultsFile:
    """Appends results durably; opening keeps the whole lines that are there, each case once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[str, CaseResult] = {}

    def __enter__(self) -> Self:
        make_folder(self.path.parent)
        self.path.touch(mode=0o600)  # it says what patients of a site's own cases have
        self._mend()
        self._file = self.path.open("ab")
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, result: CaseResult) -> None:
        """Append one result; on return it is on the disk. A case that is there is not added.

        Raises RunError when it cannot be written.
        """
        if result.case in self.done:
            return
        try:
            self._file.write(_line(result))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            hint = "Make space, and start the run again: it goes on where it was."
            raise RunError("a result cannot be written", where=str(self.path), hint=hint) from error
        self.done[result.case] = result

    def _mend(self) -> None:
        """Drop what a crash left half-written, and cases that stand there twice."""
        raw = self.path.read_bytes()
        self.done = {r.case: r for r in reversed(_whole(raw))}
        kept = b"".join(map(_line, reversed(self.done.values())))
        self.done = dict(reversed(self.done.items()))
        if kept != raw:
            mended = self.path.with_suffix(".mended")
            mended.write_bytes(kept)
            mended.replace(self.path)


def read_results(path: Path) -> tuple[CaseResult, ...]:
    """The results of a finished or broken run, each case once. Raises RunError without a file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RunError("there are no results", where=str(path)) from error
    return tuple({r.case: r for r in reversed(_whole(raw))}.values())[::-1]


def _line(result: CaseResult) -> bytes:
    return orjson.dumps(result.model_dump(mode="json", exclude_defaults=True)) + b"\n"


def _whole(raw: bytes) -> list[CaseResult]:
    """The lines that are whole. The text after the last line end is not: it is being written."""
    found = []
    for line in raw.split(b"\n")[:-1]:
        try:
            found.append(CaseResult.model_validate(orjson.loads(line)))
        except (orjson.JSONDecodeError, ValidationError):
            continue
    return found
