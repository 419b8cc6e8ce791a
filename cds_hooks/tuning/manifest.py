"""What a training set is of: sources, what was left out and why, parts with their digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds_hooks.private_files import write_private
from cds_hooks.tuning.example import FORMAT
from cds_hooks.tuning.tuning_errors import TuningDataError

__all__ = [
    "MANIFEST",
    "ModelPart",
    "PartFacts",
    "RemovedCase",
    "SourceFacts",
    "TokenFacts",
    "TuningManifest",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""A file in the set's own folder: a manifest from elsewhere leads nowhere else."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFacts(_Data):
    """Where cases are from; `kind` is suite, file or trial, `sha256` is of its file or files."""

    id: str
    kind: str
    sha256: str
    cases: int
    licence: str = ""
    origin: str = ""


class RemovedCase(_Data):
    """An example that is not used because it is like a case that is measured on."""

    id: str
    like: str
    suite: str
    cosine: float
    same_answer: bool


class ModelPart(_Data):
    """The model whose chat template and tokens were used; digests, and the file's name."""

    file: str
    sha256: str
    chat_template_sha256: str


class TokenFacts(_Data):
    """Lengths in tokens, and how many of them a loss is computed on."""

    longest: int
    median: int
    marked: int
    too_long: int


class PartFacts(_Data):
    """One part: its file, how much it holds, and the digests of its cases."""

    file: str = Field(pattern=_NAME)
    sha256: str
    examples: int
    patients: int
    traces: int
    tokens_file: str = Field("", pattern=f"{_NAME}|^$")
    tokens_sha256: str = ""
    tokens: TokenFacts | None = None
    case_digests: tuple[str, ...] = ()


class TuningManifest(_Data):
    """`parts` are train, heldout (its loss ends the training) and unseen (for measuring alone).

    `dropped` counts examples, and `traces_dropped` traces, by the reason why they are not used.
    `removed` are those that are like a measured case; `apart_from` the suites that were compared.
    `template` is the prompt's, by name to digest. `split` says how patients were divided.
    """

    format: str = FORMAT
    made: str
    chartside: str
    sources: tuple[SourceFacts, ...]
    apart_from: tuple[SourceFacts, ...] = ()
    template: dict[str, str] = Field(default_factory=dict)
    split: dict[str, str] = Field(default_factory=dict)
    model: ModelPart | None = None
    sequence: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)
    traces_dropped: dict[str, int] = Field(default_factory=dict)
    removed: tuple[RemovedCase, ...] = ()
    parts: dict[str, PartFacts]
    patient_text: bool


def write_manifest(folder: Path, manifest: TuningManifest) -> None:
    """Write it into a folder, for its owner alone."""
    document = manifest.model_dump(mode="json")
    write_private(folder / MANIFEST, orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def read_manifest(folder: Path) -> TuningManifest:
    """The manifest of a training set. Raises TuningDataError when there is none."""
    path = folder / MANIFEST
    try:
        raw: Any = orjson.loads(path.read_bytes())
        return TuningManifest.model_validate(raw)
    except OSError as error:
        raise TuningDataError("there is no training set here", where=str(path)) from error
    except (orjson.JSONDecodeError, ValidationError):
        raise TuningDataError("not a manifest of a training set", where=str(path)) from None
