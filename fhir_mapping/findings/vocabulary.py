"""The vocabulary of findings: what a finding is called, and the words that tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fhir_mapping.tables import table

__all__ = ["Definition", "vocabulary"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A finding: its kebab-case `id`, the table it stands in (`system`), the `words` in lower case
    that tell it, and whether it is `history`: of the background, not of the present illness."""

    id: str
    system: str
    words: tuple[str, ...]
    history: bool = False

    @property
    def name(self) -> str:
        """As a card says it."""
        return self.id.replace("-", " ")


@cache
def vocabulary() -> Mapping[str, Definition]:
    """All findings in words, by id (`tables/findings/*.toml`)."""
    return {d.id: d for system in _systems() for d in _definitions(system)}


def _systems() -> list[str]:
    folder = files("fhir_mapping.tables").joinpath("findings")
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def _definitions(system: str) -> list[Definition]:
    raw = table(f"findings/{system}")
    is_history = bool(raw.get("history"))
    return [Definition(k, system, tuple(words), is_history) for k, words in raw["words"].items()]
