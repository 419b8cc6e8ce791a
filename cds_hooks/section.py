"""What a table of the settings file is made of; each package declares its own tables with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Digest", "Section", "Unset", "one_of"]


class Section(BaseModel):
    """A table of the settings file. Frozen; unknown keys are refused.

    Each field is a key: its name, type, bounds, default and `description` are declared here once.
    The documentation and the example file are generated from them (`settings/reference.py`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_of(known: Iterable[str]) -> AfterValidator:
    """A validator that accepts only these words. Raises ValueError, which lists them."""
    words = sorted(known)

    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return AfterValidator(check)


def _empty_as_none(value: object) -> object:
    """None for an empty text, since TOML has no null."""
    return None if value == "" else value


Unset = BeforeValidator(_empty_as_none)
Digest = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
