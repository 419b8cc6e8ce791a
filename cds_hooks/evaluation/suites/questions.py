"""Formats of questions that a site may hold: multiple choice, and answers that people judged."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, model_validator

from cds_hooks.evaluation.suites.registry import make_suite
from cds_hooks.evaluation.suites.suite import EvaluationCase, Gold, OnError, Suite
from cds_hooks.evaluation.suites.suite_rows import Rows, SuiteRow, digest, to_cases

__all__ = ["load_judging", "load_multiple_choice", "shuffled"]


class ChoiceRow(SuiteRow):
    """`options` is a list or a map of letters; `answer` is the text of one, or its letter."""

    id: str
    question: str
    options: list[str] | dict[str, str]
    answer: str
    category: str = ""

    @property
    def listed(self) -> dict[str, str]:
        """The options by letter."""
        if isinstance(self.options, Mapping):
            return dict(self.options)
        return {chr(ord("A") + i): option for i, option in enumerate(self.options)}

    @property
    def right(self) -> str:
        """The text of the right option: a letter only counts where no option is that text."""
        listed = self.listed
        if self.answer in listed.values():
            return self.answer
        return listed.get(self.answer.strip().rstrip(".)").upper(), self.answer)

    @model_validator(mode="after")
    def _enough(self) -> ChoiceRow:
        if len(set(self.listed.values())) < 2:
            raise ValueError("at least two different options")
        return self


class JudgedRow(SuiteRow):
    """An answer to a case with what people gave it, 1 (worst) to 5, and the true disease."""

    id: str
    case: str
    answer: str
    disease: str
    score: float = Field(ge=1, le=5)
    category: str = ""


def load_multiple_choice(path: Path, *, on_error: OnError = OnError.STOP) -> Suite:
    """JSONL of `{id, question, options, answer, category}`: ophthalmology and the like."""
    rows = Rows(path, on_error)
    cases = to_cases(path, ChoiceRow, lambda _, row: _choice(row), rows)
    return make_suite("multiple-choice", digest(path), cases, rows.rejected)


def load_judging(path: Path, *, on_error: OnError = OnError.STOP) -> Suite:
    """JSONL of `{id, case, answer, disease, score, category}`; `score` is the mean of people."""
    rows = Rows(path, on_error)
    cases = to_cases(path, JudgedRow, lambda _, row: _judged(row), rows)
    return make_suite("judging", digest(path), cases, rows.rejected)


def shuffled(case: EvaluationCase, seed: int) -> tuple[str, ...]:
    """The options in an order that depends on the seed and the case's id alone."""
    options = sorted(set(case.options))
    random.Random(f"{seed}/{case.id}").shuffle(options)  # noqa: S311 - an order, not a secret
    return tuple(options)


def _choice(row: ChoiceRow) -> EvaluationCase:
    tags = frozenset({row.category} if row.category else ())
    case = EvaluationCase(id=row.id, gold=Gold((row.right,)), text=row.question, tags=tags)
    return case.asking(list(row.listed.values()))


def _judged(row: JudgedRow) -> EvaluationCase:
    return EvaluationCase(
        id=row.id,
        gold=Gold((row.disease,)),
        text=f"{row.case}\n\nAnswer to judge: {row.answer}",
        score=row.score,
        tags=frozenset({row.category} if row.category else ()),
    )
