"""The matrix file (TOML): which models are asked which suites, and in which ways."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cds_hooks.evaluation.evaluation_errors import MatrixError
from cds_hooks.evaluation.suites.registry import known_suites
from cds_hooks.evaluation.suites.suite import Task

__all__ = ["Answers", "Cell", "Matrix", "MatrixModel", "MatrixSuite", "Template", "read_matrix"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_MOST_SAMPLES = 16


class Template(StrEnum):
    """The service's own template, or the one whose answers are short."""

    BRIEF = "brief"
    FULL = "full"


class Answers(StrEnum):
    """Whether diagnoses are written along the names of the terminology, or free."""

    NAMES = "names"
    FREE = "free"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MatrixModel(_Data):
    """A GGUF `file`, or `settings` (TOML) that name a model server or say more of the file;
    `parameters_b` in billions, for the cost of larger ones."""

    name: Name
    file: Path | None = None
    settings: Path | None = None
    parameters_b: float | None = Field(None, gt=0, lt=10_000)

    @model_validator(mode="after")
    def _somewhere(self) -> MatrixModel:
        if self.file is None and self.settings is None:
            raise ValueError("needs a file or settings")
        return self


class MatrixSuite(_Data):
    """A suite by its id, with the file or folder where it lies; `limit` 0: every case."""

    id: str
    data: Path
    limit: int = Field(0, ge=0)

    @field_validator("id")
    @classmethod
    def _known(cls, suite: str) -> str:
        if suite not in known_suites():
            raise ValueError("no suite of this id; `eval suites` lists them")
        return suite


class Ways(_Data):
    """The ways of asking; every combination is a cell."""

    samples: tuple[int, ...] = Field((1,), min_length=1)
    templates: tuple[Template, ...] = Field((Template.FULL,), min_length=1)
    answers: tuple[Answers, ...] = Field((Answers.NAMES,), min_length=1)
    seed: int = Field(0, ge=0)

    @field_validator("samples")
    @classmethod
    def _bounded(cls, samples: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= k <= _MOST_SAMPLES for k in samples):
            raise ValueError(f"samples are 1 to {_MOST_SAMPLES}")
        return samples


class Cell(_Data):
    """One run: a model, a suite and a way of asking."""

    model: MatrixModel
    suite: MatrixSuite
    template: Template
    answers: Answers
    samples: int
    seed: int

    @property
    def task(self) -> Task:
        """What its suite asks."""
        return known_suites()[self.suite.id].task

    @property
    def way(self) -> str:
        """The way of asking in a word: cells of one suite and one of these are compared."""
        if self.task is not Task.OPEN:
            return f"k{self.samples}"
        return f"{self.template}-{self.answers}-k{self.samples}"

    @property
    def place(self) -> Path:
        """Its folder below that of the matrix."""
        return Path(self.model.name, self.suite.id, self.way)


class Matrix(_Data):
    """What a file says; names of models and ids of suites are unique."""

    model: tuple[MatrixModel, ...] = Field(min_length=1)
    suite: tuple[MatrixSuite, ...] = Field(min_length=1)
    ways: Ways = Ways()

    @model_validator(mode="after")
    def _told_apart(self) -> Matrix:
        for names in ([m.name for m in self.model], [s.id for s in self.suite]):
            if len(set(names)) != len(names):
                raise ValueError("names of models and ids of suites have to be unique")
        for ways in (self.ways.samples, self.ways.templates, self.ways.answers):
            if len(set(ways)) != len(ways):
                raise ValueError("each way of asking stands there once")
        return self

    def cells(self) -> Iterator[Cell]:
        """Every cell. Ways of asking vary slowest, the fewest samples first, so that a matrix that
        is not finished yet has all models in one way rather than one model in all ways."""
        told = self.ways
        ways = itertools.product(sorted(told.samples), told.templates, told.answers)
        for (samples, template, answers), suite, model in itertools.product(
            ways, self.suite, self.model
        ):
            cell = Cell(
                model=model, suite=suite, template=template, answers=answers,
                samples=samples, seed=told.seed,
            )  # fmt: skip
            # Templates and names are of the service: a question with a list has neither.
            first = template is told.templates[0] and answers is told.answers[0]
            if first or cell.task is Task.OPEN:
                yield cell


def read_matrix(path: Path) -> tuple[Matrix, str]:
    """A matrix with its paths made absolute (relative ones are so to the file), and its SHA-256.

    Raises MatrixError, which names the key and never a value.
    """
    try:
        raw = path.read_bytes()
        matrix = Matrix.model_validate(tomllib.loads(raw.decode()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MatrixError("not a TOML file that can be read", where=str(path)) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise MatrixError(f"{key}: {first['msg']}", where=str(path)) from None
    return _absolute(matrix, path.parent), hashlib.sha256(raw).hexdigest()


def _absolute(matrix: Matrix, base: Path) -> Matrix:
    def placed(path: Path | None) -> Path | None:
        return None if path is None else (base / path.expanduser()).absolute()

    models = (
        m.model_copy(update={"file": placed(m.file), "settings": placed(m.settings)})
        for m in matrix.model
    )
    suites = (s.model_copy(update={"data": placed(s.data)}) for s in matrix.suite)
    return matrix.model_copy(update={"model": tuple(models), "suite": tuple(suites)})
