"""A prompt by its sections, with the tokens that each takes in the engine's own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.inference.engine import Engine, EngineError
from prompts import Message

__all__ = ["PromptSection", "counted_sections"]


@dataclass(frozen=True, slots=True)
class PromptSection:
    """`tokens` is None while the engine cannot count."""

    title: str
    text: str
    tokens: int | None = None


async def counted_sections(
    messages: Sequence[Message], engine: Engine
) -> tuple[PromptSection, ...]:
    """The sections of a prompt, in its order."""
    found = [each for message in messages for each in _sections(message)]
    try:
        counts = await engine.count_tokens([each.text for each in found])
    except EngineError:
        return tuple(found)
    return tuple(
        PromptSection(each.title, each.text, count)
        for each, count in zip(found, counts, strict=True)
    )


def _sections(message: Message) -> list[PromptSection]:
    """A turn cut at each heading: a line that ends with a colon and stands behind an empty one. No
    line of a fact is such a one. What comes before is named for its role."""
    found: list[tuple[str, list[str]]] = [(f"{message.role} turn", [])]
    before = ""
    for line in message.content.split("\n"):
        if line.endswith(":") and not before:
            found.append((line.removesuffix(":"), []))
        found[-1][1].append(line)
        before = line.strip()
    texts = ((title, "\n".join(lines).strip()) for title, lines in found)
    return [PromptSection(title, text) for title, text in texts if text]
