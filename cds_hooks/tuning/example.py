"""One training example, and JSONL files of them: docs/tuning-format.md has each field."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cds_hooks.private_files import write_private
from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = [
    "FORMAT",
    "IGNORED",
    "GoldDiagnosis",
    "MarkedTokens",
    "TrainingExample",
    "Turn",
    "read_examples",
    "read_marked",
    "write_examples",
    "write_marked",
]

FORMAT = "chartside-tuning/1"
IGNORED = -100
"""The label of a token that no loss is computed on (PyTorch's `ignore_index`)."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=BaseModel)


class Turn(_Data):
    """One message of the prompt."""

    role: Literal["system", "user"]
    content: str = Field(min_length=1)


class GoldDiagnosis(_Data):
    """What turned out to be true: a code, a name, or both."""

    system: str = ""
    code: str = ""
    display: str = ""

    @model_validator(mode="after")
    def _named(self) -> GoldDiagnosis:
        if not (self.code or self.display):
            raise ValueError("neither code nor display")
        return self


class TrainingExample(_Data):
    """A prompt as the service asks it, and the answer that would have been right.

    `patient` tells whose case it is, by a keyed hash or by an id that names nobody: all cases of
    one patient go to one part. `trace` is reasoning that comes before the answer, `trace_by` whose
    it is. `facts` are the ids of facts that the prompt shows, which trace and answer may cite;
    `source` is the suite, the trial or the file that the case is from.
    """

    id: str = Field(min_length=1)
    patient: str = Field(min_length=1)
    messages: tuple[Turn, ...] = Field(min_length=1, max_length=2)
    answer: str = Field(min_length=1)
    trace: str = ""
    trace_by: str = ""
    gold: GoldDiagnosis
    facts: tuple[str, ...] = ()
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> TrainingExample:
        if [turn.role for turn in self.messages] not in (["user"], ["system", "user"]):
            raise ValueError("messages are a user's, with a system message before it or none")
        return self

    @property
    def user_text(self) -> str:
        """What the user's turn says."""
        return self.messages[-1].content


class MarkedTokens(_Data):
    """An example as tokens of one model: `labels` are the ids where a loss is computed and -100
    elsewhere, as long as `input_ids`. `attention_mask`, which some frameworks ask for, is 1 for
    each token."""

    id: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    attention_mask: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _same_length(self) -> MarkedTokens:
        if len(self.labels) != len(self.input_ids):
            raise ValueError("labels are not as long as input_ids")
        if self.attention_mask not in ((), (1,) * len(self.input_ids)):
            raise ValueError("attention_mask is not 1 for each token")
        return self

    @property
    def marked(self) -> list[int]:
        """The tokens that a loss is computed on."""
        return [label for label in self.labels if label != IGNORED]


def read_examples(path: Path) -> list[TrainingExample]:
    """The examples of a JSONL file. Raises TuningDataError with the line that is none, or whose id
    is there for the second time."""
    found = _read(path, TrainingExample)
    seen: set[str] = set()
    for number, example in enumerate(found, 1):
        if example.id in seen:
            where = f"{path.name}: example {number}"
            raise TuningDataError("an id for the second time", where=where)
        seen.add(example.id)
    return found


def read_marked(path: Path) -> list[MarkedTokens]:
    """The tokens of a JSONL file. Raises TuningDataError with the line that has none."""
    return _read(path, MarkedTokens)


def write_examples(path: Path, examples: Iterable[TrainingExample]) -> bytes:
    """Write a file that its owner alone may read, whole or not at all; returns what it holds."""
    return _write(path, examples)


def write_marked(path: Path, examples: Iterable[MarkedTokens]) -> bytes:
    """The same for tokens, which say what the texts say."""
    return _write(path, examples)


def _read(path: Path, schema: type[T]) -> list[T]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise TuningDataError("cannot be read", where=str(path)) from error
    return [_row(path, n, line, schema) for n, line in enumerate(lines, 1) if line.strip()]


def _row(path: Path, number: int, line: bytes, schema: type[T]) -> T:
    where = f"{path.name}: line {number}"
    try:
        return schema.model_validate(orjson.loads(line))
    except orjson.JSONDecodeError:
        raise TuningDataError("not JSON", where=where) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "row"
        hint = "docs/tuning-format.md has each field."
        raise TuningDataError(f"{place}: {first['type']}", where=where, hint=hint) from None


def _write(path: Path, rows: Iterable[BaseModel]) -> bytes:
    text = b"".join(
        orjson.dumps(r.model_dump(mode="json", exclude_defaults=True)) + b"\n" for r in rows
    )
    write_private(path, text.decode())
    return text


def _line(row: BaseModel) -> bytes:
    return orjson.dumps(row.model_dump(mode="json", exclude_defaults=True)) + b"\n"
