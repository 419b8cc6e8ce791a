"""The combination without training: weights that are data (`data/fixed_rules.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cds_hooks.verifier.feature_catalogue import is_feature

__all__ = ["FixedRule", "FixedRules", "fixed_rules"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FixedRule(_Data):
    """What one unit of a feature is worth, and why."""

    feature: str
    weight: float = Field(allow_inf_nan=False)
    reason: str = Field(min_length=1)

    @field_validator("feature")
    @classmethod
    def _known(cls, name: str) -> str:
        if not is_feature(name):
            raise ValueError("a name that is no feature")
        return name


class FixedRules(_Data):
    """`fixed_rules.toml`."""

    version: str
    source: str
    rule: tuple[FixedRule, ...] = Field(min_length=1)


@cache
def fixed_rules() -> FixedRules:
    """The shipped rules, read once."""
    text = files(__package__).joinpath("data", "fixed_rules.toml").read_text("utf-8")
    return FixedRules.model_validate(tomllib.loads(text))
