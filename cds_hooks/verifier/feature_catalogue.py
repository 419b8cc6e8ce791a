"""The features by name, and what they mean: `data/features.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MISSING", "Feature", "FeatureCatalogue", "feature_catalogue", "is_feature", "meaning"]

MISSING = "missing:"
"""What stands before a feature's name in the name of its indicator."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Feature(_Data):
    """A feature; of a family (`votes:`) the name ends with a colon."""

    name: str = Field(pattern=r"^[a-z][a-z_]*:?$")
    meaning: str = Field(min_length=1)
    when: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class FeatureCatalogue(_Data):
    """`features.toml`."""

    version: str
    source: str
    feature: tuple[Feature, ...]

    def find(self, name: str) -> Feature | None:
        """The feature, or the family that a name such as `votes:gemma` belongs to."""
        family, colon, member = name.partition(":")
        wanted = f"{family}:" if colon and member else name
        found = next((f for f in self.feature if f.name == wanted), None)
        return None if found is None or found.name.endswith(":") is not bool(member) else found


@cache
def feature_catalogue() -> FeatureCatalogue:
    """The shipped data, read once."""
    text = files(__package__).joinpath("data", "features.toml").read_text("utf-8")
    return FeatureCatalogue.model_validate(tomllib.loads(text))


def is_feature(name: str) -> bool:
    """Whether a name is a feature, or the indicator that one is missing."""
    return feature_catalogue().find(name.removeprefix(MISSING)) is not None


def meaning(name: str) -> str:
    """What a feature says, for a reader. Raises KeyError for a name that is none."""
    found = feature_catalogue().find(name.removeprefix(MISSING))
    if found is None:
        raise KeyError(name)
    if name.startswith(MISSING):
        return f"1 when it is not known (known: {found.when})"
    return found.meaning
