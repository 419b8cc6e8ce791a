"""The clients that are known: what each shows, from `clients.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Client", "Effect", "Rule", "clients", "fires"]

Effect = Literal["dropped", "changed", "refused", "note"]
Indicator = Literal["critical", "warning", "info"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Data):
    """One thing that a client does: `rule` names its function in `rules.py`. `general` says it of
    no card in particular, where `words` are of one."""

    rule: str
    effect: Effect
    words: str = Field(min_length=1)
    source: str = Field(min_length=1)
    general: str = ""
    values: tuple[str, ...] = ()
    most: int = 0
    pattern: str = ""


class Client(_Data):
    """A client as its documentation describes it; `id` is also the name of its card profile."""

    id: str
    name: str
    source: str
    hooks: tuple[str, ...]
    other_hooks: str
    order: Literal["indicator", "as-sent"]
    order_words: str
    placement: Mapping[Indicator, str]
    rules: tuple[Rule, ...]


@cache
def clients() -> Mapping[str, Client]:
    """Every client by its id, in the order of the file."""
    read = tomllib.loads(files(__package__).joinpath("clients.toml").read_text("utf-8"))
    return {
        name: Client.model_validate({"id": name, **row})
        for name, row in read.items()
        if name != "version"
    }


def fires(client: Client, hook: str) -> tuple[bool, str]:
    """Whether the client can fire a hook, and that in words."""
    if not client.hooks or hook in client.hooks:
        return True, f"{client.name} can fire {hook}." if hook else ""
    return False, client.other_hooks
