"""One call of a service and what came back, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

__all__ = ["Answer", "Call", "Exchange", "Send"]


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent; `path` is relative to the service's base, `about` says it in words."""

    method: str
    path: str
    about: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


@dataclass(frozen=True)
class Exchange:
    """A call with its answer, or with the reason why there is none (`error`)."""

    call: Call
    answer: Answer | None
    error: str = ""

    @property
    def status(self) -> int:
        """The HTTP status; 0 without an answer."""
        return self.answer.status if self.answer else 0

    def header(self, name: str) -> str:
        """A header of the answer; empty where there is none."""
        return self.answer.headers.get(name, "") if self.answer else ""

    @cached_property
    def document(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return orjson.loads(self.answer.body) if self.answer else None
        except ValueError:
            return None

    @property
    def came(self) -> str:
        """The answer in words: a status and what kind of body, or why there is no answer."""
        if self.answer is None:
            return f"no answer ({self.error})"
        kind = self.header("content-type").partition(";")[0] or "no content type"
        return f"{self.answer.status}, {kind}, {len(self.answer.body)} bytes"


Send = Callable[[Call], Exchange]
"""Makes a call. It raises nothing: without an answer the exchange says why."""
