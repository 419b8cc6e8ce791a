"""The values that `prompts` makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir_mapping.chart import Omission

__all__ = ["Message", "Prompt", "TemplateRef"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `content` is always data to the tokenizer: it can never form a control token."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """Which template made a prompt: `sha256` covers every file of its folder."""

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked, the output it may give, and what of the chart it was not shown.

    `fact_ids` are the facts it shows, in order; facts shown + `omissions` = facts of the chart.
    `schema` is the JSON Schema of the answer, in which evidence can only be one of `fact_ids`.
    """

    messages: tuple[Message, ...]
    template: TemplateRef
    schema: Mapping[str, Any]
    fact_ids: tuple[str, ...]
    omissions: tuple[Omission, ...] = ()
    tokens: int = 0
