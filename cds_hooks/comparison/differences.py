"""Rows of words in which two things differ, and the two sides that are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Card

__all__ = ["Difference", "Side", "Timing", "differing", "differing_lines"]


@dataclass(frozen=True, slots=True)
class Side:
    """One consultation with its cards. `basis` adds what the record does not hold, such as the
    version of the program or the seed; a name is compared only where both sides have it."""

    consultation: Consultation
    cards: tuple[Card, ...] = ()
    basis: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """`what` differs; "" where that side has none of it. Several lines stand in one text."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one stage; None where that side has no such stage."""

    stage: str
    before: float | None
    after: float | None


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    """The names whose text differs, in the order of both."""
    for name in dict.fromkeys((*before, *after)):
        first, second = before.get(name, ""), after.get(name, "")
        if first != second:
            yield Difference(name, first, second)


def differing_lines(
    what: str,
    before: Sequence[str],
    after: Sequence[str],
    said: Iterable[Sequence[str]] | None = None,
) -> Iterator[Difference]:
    """Each run of lines that differs. `said` are both sides as they are compared, where that is
    not as they are written."""
    one, two = said or (before, after)
    # Without `autojunk`, which calls a frequent line noise in texts of 200 lines and more.
    for kind, i, j, m, n in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Difference(what, "\n".join(before[i:j]), "\n".join(after[m:n]))
