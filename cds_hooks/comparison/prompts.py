"""What of a prompt differs, by section."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cds_hooks.comparison.differences import Difference, differing_lines
from prompts import Prompt

__all__ = ["prompt_differences", "sections_of"]

# A line of a fact begins with its number, which moves when another fact comes or goes.
_NUMBER = re.compile(r"^[A-Z]\d+ \| ")
_TITLE = re.compile(r"[^|]{1,120}:")


def prompt_differences(before: Prompt | None, after: Prompt | None) -> tuple[Difference, ...]:
    """The lines of each section that differ; facts are compared without their numbers."""
    one, two = dict(sections_of(before)), dict(sections_of(after))
    found: list[Difference] = []
    for name in dict.fromkeys((*one, *two)):
        first, second = one.get(name, []), two.get(name, [])
        found += differing_lines(name, first, second, (_said(first), _said(second)))
    return tuple(found)


def _said(lines: Sequence[str]) -> list[str]:
    return [_NUMBER.sub("", line) for line in lines]


def sections_of(prompt: Prompt | None) -> Iterator[tuple[str, list[str]]]:
    """The prompt's sections with their lines: each message, the chart's by its titles."""
    for number, message in enumerate(prompt.messages if prompt else (), 1):
        name, lines = f"{message.role} {number}", message.content.splitlines()
        yield from _divided(name, lines) if message.role == "user" else [(name, lines)]


def _divided(name: str, lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    title = name
    held: list[str] = []
    for place, line in enumerate(lines):
        if _TITLE.fullmatch(line) and (place == 0 or not lines[place - 1]):
            yield title, held
            title, held = f"{name}: {line.removesuffix(':')}", []
        elif line:
            held.append(line)
    yield title, held
