"""The vocabulary of findings: what a finding is called, and the words that tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import permutations, product

from fhir_mapping.tables import table

__all__ = ["Definition", "denying", "narrower", "of_family", "past", "vocabulary", "wider"]

_OTHER_WORDS = ("lay", "emergency", "german", "french")


@dataclass(frozen=True, slots=True)
class Definition:
    """A finding: its kebab-case `id`, the table it stands in (`system`), the `words` in lower case
    that tell it, and whether it is `history`: of the background, not of the present illness.

    `reads`: the kind of fact whose words tell it where that is one kind alone ("medication",
    "procedure"); `within_days`: how old such a fact may be. `in_procedures`: of history, read in
    procedures as well, up to so many days old (0: however old). `unless`: phrases within which its
    words do not tell it.
    """

    id: str
    system: str
    words: tuple[str, ...]
    history: bool = False
    reads: str = ""
    within_days: float | None = None
    in_procedures: float | None = None
    unless: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As a card says it."""
        return self.id.replace("-", " ")


@cache
def vocabulary() -> Mapping[str, Definition]:
    """All findings in words, by id (`tables/findings/*.toml`). What several tables tell of one
    finding counts together; its system is that of the first."""
    found: dict[str, Definition] = {}
    for system in _systems():
        for one in _definitions(system):
            found[one.id] = _together(found[one.id], one) if one.id in found else one
    return found


def _together(one: Definition, other: Definition) -> Definition:
    return replace(
        one,
        words=tuple(dict.fromkeys((*one.words, *other.words))),
        unless=tuple(dict.fromkeys((*one.unless, *other.unless))),
        history=one.history or other.history,
    )


@cache
def wider() -> Mapping[str, tuple[str, ...]]:
    """Finding -> all wider ones that are so where it is: orthopnea -> dyspnea."""
    direct: dict[str, list[str]] = table("finding_words/wider")["wider"]

    def above(name: str) -> Iterator[str]:
        for one in direct.get(name, ()):
            yield one
            yield from above(one)

    return {name: tuple(dict.fromkeys(above(name))) for name in direct}


@cache
def narrower() -> Mapping[str, tuple[str, ...]]:
    """Finding -> all narrower ones that are not so where it is not. A finding that gathers unlike
    ones (`gathers` in the table: vomiting is no nausea) denies none of them by its own words."""
    gathers = frozenset(table("finding_words/wider")["gathers"])
    found: dict[str, list[str]] = {}
    for name, above in wider().items():
        for one in above:
            if one not in gathers:
                found.setdefault(one, []).append(name)
    return {name: tuple(below) for name, below in found.items()}


@cache
def denying() -> Mapping[str, tuple[str, ...]]:
    """Finding -> words that say by themselves that it is not so ("afebrile")."""
    return {name: tuple(words) for name, words in table("finding_words/denying")["words"].items()}


@cache
def past() -> Mapping[str, tuple[str, ...]]:
    """Finding -> names of diseases that tell it where they are past: a stroke, years ago."""
    return {name: tuple(words) for name, words in table("finding_words/past")["words"].items()}


@cache
def of_family() -> Mapping[str, str]:
    """Finding of a relative -> what it is of the patient."""
    return dict(table("finding_words/wider")["family"])


def _systems() -> list[str]:
    folder = files("fhir_mapping.tables").joinpath("findings")
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def _definitions(system: str) -> Iterator[Definition]:
    raw = table(f"findings/{system}")
    combined = raw.get("combinations", {})
    for name, words in raw["words"].items():
        yield Definition(
            id=name,
            system=system,
            words=tuple(dict.fromkeys([*words, *_combined(combined.get(name, [])), *_also(name)])),
            history=bool(raw.get("history")),
            reads=raw.get("reads", ""),
            within_days=raw.get("within_days", {}).get(name),
            in_procedures=raw.get("in_procedures", {}).get(name),
            unless=tuple(raw.get("unless", {}).get(name, ())),
        )


def _combined(groups: list[list[str]]) -> Iterator[str]:
    """One of each group, in any order: "weakness" and "arm" make "weakness arm", "arm weakness"."""
    for chosen in product(*groups):
        for ordered in permutations(chosen):
            yield " ".join(ordered)


def _also(name: str) -> Iterator[str]:
    for source in _OTHER_WORDS:
        raw = table(f"finding_words/{source}")
        yield from raw["words"].get(name, ())
        yield from _combined(raw.get("combinations", {}).get(name, []))
