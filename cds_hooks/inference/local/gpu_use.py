"""Whether a model that is to run on a GPU does, in words for the log and `/readyz`.

Pure; the words are data (`gpu_use.toml`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

__all__ = ["gpu_trouble"]


class _Trouble(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    says: str
    hint: str


def gpu_trouble(gpu_layers: int, library: Mapping[str, str]) -> str:
    """Code, fault and what to do where layers are to be on a GPU and are not; empty otherwise.

    `library` is what the engine process tells of its library: `gpu` is `yes`, `no-backend` or
    `no-device`, and `backends` names what it was built with. Where nothing is told nothing is said.
    """
    trouble = _troubles().get(library.get("gpu", "")) if gpu_layers else None
    if trouble is None:
        return ""
    says = trouble.says.format(backends=library.get("backends") or "not told")
    return f"{trouble.code}: {says}. {trouble.hint}"


@cache
def _troubles() -> Mapping[str, _Trouble]:
    text = files("cds_hooks.inference.local").joinpath("gpu_use.toml").read_text("utf-8")
    tables = {name: table for name, table in tomllib.loads(text).items() if isinstance(table, dict)}
    return {name: _Trouble.model_validate(table) for name, table in tables.items()}
