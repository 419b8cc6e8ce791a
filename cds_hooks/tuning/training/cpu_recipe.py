"""How a run on a processor trains: `cpu_recipe.toml`, with what a command overrides."""

from __future__ import annotations

import hashlib
import tomllib
from importlib.resources import files
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds_hooks.tuning.training.tuning_errors import TuningError

__all__ = ["CpuRecipe", "shipped_recipe"]

_MOST_EPOCHS = 2


class CpuRecipe(BaseModel):
    """LoRA of `rank` and `alpha` on `modules` of the last blocks, and how it is trained.

    `last_layers` 0 is all blocks; `epochs` at most two: more repeats few cases until a small model
    knows them by heart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(ge=1, le=256)
    alpha: float = Field(gt=0)
    modules: tuple[str, ...] = Field(min_length=1)
    last_layers: int = Field(ge=0)
    epochs: int = Field(ge=1, le=_MOST_EPOCHS)
    learning_rate: float = Field(gt=0, le=0.1)
    warm_up: float = Field(ge=0, lt=1)
    examples_a_step: int = Field(ge=1)
    longest_tokens: int = Field(ge=16)
    longest_gradient: float = Field(gt=0)
    checks_an_epoch: int = Field(ge=1)
    patience: int = Field(ge=1)
    seed: int = Field(ge=0)

    @property
    def sha256(self) -> str:
        """The digest of all of it."""
        told = orjson.dumps(self.model_dump(), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(told).hexdigest()


def shipped_recipe(**changed: Any) -> CpuRecipe:
    """The recipe of the file with some values changed; None leaves a value as it is.

    Raises TuningError (tune-recipe-invalid) for a value out of its bounds.
    """
    raw = tomllib.loads(files(__package__).joinpath("cpu_recipe.toml").read_text("utf-8"))
    said = {name: value for name, value in changed.items() if value is not None}
    try:
        return CpuRecipe(**{**raw["lora"], **raw["training"], **said})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        option = "--" + ".".join(map(str, first["loc"])).replace("_", "-")
        raise TuningError("tune-recipe-invalid", first["msg"], where=option) from None
