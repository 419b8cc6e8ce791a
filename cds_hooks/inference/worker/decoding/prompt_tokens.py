"""Messages -> token ids, so that no content can ever become a control token.

The scaffold of the chat template is tokenised with control tokens on, contents with them off, and
what is left (llama.cpp finds user-defined tokens in any text) is broken apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.inference.model_files.chat_template import Slot, bounded_scaffold
from cds_hooks.inference.worker.bindings.native import NativeModel

__all__ = ["PromptTokenizer", "PromptTokens"]

_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt's token ids; the first `shared` of them end with the system message."""

    ids: list[int]
    shared: int


@dataclass(slots=True)
class PromptTokenizer:
    """One model's way to write a conversation."""

    model: NativeModel
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

    def contents(self, texts: Sequence[str]) -> list[list[int]]:
        """`content` of each of many short texts, such as names.

        Tokenizers that split words first take them together, a line each: llama.cpp reads the
        pattern that splits again at every call, which for some families takes milliseconds.
        """
        alone = [not text[-1:].isalnum() or "\n" in text for text in texts]
        together = [text for text, by_itself in zip(texts, alone, strict=True) if not by_itself]
        lines = iter(self._lines(together))
        return [
            self.content(text) if by_itself else next(lines)
            for text, by_itself in zip(texts, alone, strict=True)
        ]

    def _lines(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Token ids of texts that end in a letter or digit, so that no pattern joins the end of a
        line to what stands before it; each is read back and, should it differ, taken alone."""
        ends = self.model.tokenize("\n", special=False)
        for begin in range(0, len(texts), _AT_ONCE):
            some = texts[begin : begin + _AT_ONCE]
            lines = _split(self.content("\n".join(some)), ends[0]) if len(ends) == 1 else []
            whole = self.model.splits_words and len(lines) == len(some)
            for n, text in enumerate(some):
                same = whole and b"".join(self.model.pieces[t] for t in lines[n]) == text.encode()
                yield lines[n] if same else self.content(text)

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


def _split(tokens: Sequence[int], end: int) -> list[list[int]]:
    lines: list[list[int]] = [[]]
    for token in tokens:
        if token == end:
            lines.append([])
        else:
            lines[-1].append(token)
    return lines
