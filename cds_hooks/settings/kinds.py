"""Kinds of values that keys have, and what a section is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from cds_hooks.gather.server_base import ServerBase
from cds_hooks.services import REGISTRY

__all__ = [
    "Digest",
    "FhirBase",
    "Origin",
    "Section",
    "ServiceId",
    "Unset",
    "one_of",
    "without_password",
]


def one_of(known: Iterable[str]) -> Callable[[str], str]:
    """A check that a value is one of these words."""
    words = sorted(known)

    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return check


def _base(value: str) -> str:
    if ServerBase.parse(value) is None:
        raise ValueError("must be a plain http or https URL")
    return value


def without_password(value: str) -> str:
    """Refuse a URL with a password in it."""
    if "://" in value and urlsplit(value).password is not None:
        raise ValueError("must not hold a password; use the database's own password file")
    return value


def _or_unset(value: object) -> object:
    """TOML has no null: an empty text is one."""
    return None if value == "" else value


Unset = BeforeValidator(_or_unset)
Origin = Annotated[str, Field(pattern=r"^https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?$")]
FhirBase = Annotated[str, AfterValidator(_base)]
Digest = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
ServiceId = Annotated[str, AfterValidator(one_of(service.id for service in REGISTRY))]


class Section(BaseModel):
    """A table of the settings file: no key that is not known, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)
