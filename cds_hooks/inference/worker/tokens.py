"""Messages -> token ids, so that no content can ever become a control token.

The scaffold of the chat template is tokenised with control tokens on, contents with them off, and
what is left (llama.cpp finds user-defined tokens in any text) is broken apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.inference.chat import Slot, bounded_scaffold
from cds_hooks.inference.worker.native import Model

__all__ = ["PromptTokenizer", "PromptTokens"]


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt's token ids; the first `shared` of them end with the system message."""

    ids: list[int]
    shared: int


@dataclass(slots=True)
class PromptTokenizer:
    """One model's way to write a conversation."""

    model: Model
    template: str
    bos: str = ""
    eos: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    _scaffolds: dict[tuple[str, ...], tuple[list[int] | int, ...]] = field(default_factory=dict)
    _markers: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        texts = {
            self.model.pieces[token].decode("utf-8", "replace") for token in self.model.control
        }
        longest_first = sorted((text for text in texts if len(text) > 1), key=len, reverse=True)
        self._markers = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def content(self, text: str) -> list[int]:
        """Token ids of a text that came from outside: never a control token."""
        ids = self.model.tokenize(text, special=False)
        if self.model.control.isdisjoint(ids):
            return ids
        return [
            token
            for piece in self._broken(text)
            for token in self.model.tokenize(piece, special=False)
            if token not in self.model.control
        ]

    def _broken(self, text: str) -> Iterator[str]:
        """`text` cut inside every marker that it spells, so that none is found as a whole."""
        start = 0
        for match in self._markers.finditer(text):
            yield text[start : match.start() + 1]
            start = match.start() + 1
        yield text[start:]

    def prompt(self, messages: Sequence[tuple[str, str]]) -> PromptTokens:
        """Token ids of messages (role, content). Raises ChatTemplateError."""
        roles = tuple(role for role, _ in messages)
        ids: list[int] = []
        shared = 0
        for part in self._scaffold(roles):
            if isinstance(part, int):
                ids += self.content(messages[part][1])
                shared = len(ids) if roles[part] == "system" else shared
            else:
                ids += part
        return PromptTokens(ids, shared)

    def _scaffold(self, roles: tuple[str, ...]) -> tuple[list[int] | int, ...]:
        if roles not in self._scaffolds:
            parts = bounded_scaffold(
                self.template, roles, bos=self.bos, eos=self.eos, options=self.options
            )
            self._scaffolds[roles] = tuple(
                p.index if isinstance(p, Slot) else self.model.tokenize(p, special=True)
                for p in parts
            )
        return self._scaffolds[roles]
