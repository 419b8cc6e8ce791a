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
    one, two = _by_name(before), _by_name(after)
    found: list[Difference] = []
    for name in dict.fromkeys((*one, *two)):
        first, second = one.get(name, []), two.get(name, [])
        found += differing_lines(name, first, second, (_said(first), _said(second)))
    return tuple(found)


def _by_name(prompt: Prompt | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, lines in sections_of(prompt):
        found.setdefault(name, []).extend(lines)
    return found


def _said(lines: Sequence[str]) -> list[str]:
    return [_NUMBER.sub("", line) for line in lines]


def sections_of(prompt: Prompt | None) -> Iterator[tuple[str, list[str]]]:
    """The prompt's sections with their lines: "system", "patient", and the chart's by title."""
    for message in prompt.messages if prompt else ():
        lines = message.content.splitlines()
        yield from _divided(lines) if message.role == "user" else [(message.role, lines)]


def _divided(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    title = "patient"
    held: list[str] = []
    for place, line in enumerate(lines):
        if _TITLE.fullmatch(line) and (place == 0 or not lines[place - 1]):
            yield title, held
            title, held = line.removesuffix(":"), []
        elif line:
            held.append(line)
    yield title, held
