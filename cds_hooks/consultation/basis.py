"""What besides chart, prompt and model an answer rests on, so that it can be given again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Basis", "Sampling"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model was asked: the figures of its `GenerationRequest`."""

    samples: int
    temperature: float | None
    seed: int
    max_tokens: int
    names: bool


@dataclass(frozen=True, slots=True)
class Basis:
    """Versions and settings that an answer depends on; all empty in records of before 2026-11-29.

    `version` is the program's, `tables_sha256` a digest over its tables of rules and words, whose
    single digests are in the ledger (`tables-loaded`), `terminology_sha256` one over what the
    terminology was compiled from, `verifier_sha256` that of the verifier's file, "" without one.
    `settings` are those that bear on an answer and differ from their defaults, as JSON text by key;
    no path is among them.
    """

    version: str = ""
    tables_sha256: str = ""
    terminology_sha256: str = ""
    sampling: Sampling | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    verifier_sha256: str = ""
