"""The sentences of `sentences.txt` and how they are read, by part and kind.

.venv/bin/python -m tests.fhir_mapping.context.scoring [--edges] [tuned | kept]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fhir_mapping.chart import Certainty, Experiencer, Polarity
from fhir_mapping.context import Context, Reading, Temporality

__all__ = ["WHOLE", "Mention", "label", "mentions"]


WHOLE = "*"
"""Stands for the whole text as one statement."""


class Mention(NamedTuple):
    """One finding of a sentence with its label."""

    part: str
    kind: str
    sentence: str
    finding: str
    label: frozenset[str]

    @property
    def read(self) -> frozenset[str]:
        reading = Reading(self.sentence)
        if self.finding == WHOLE:
            return label(reading.whole())
        return label(reading.at(reading.lower.index(self.finding)))


def mentions(name: str = "sentences.txt") -> Iterator[Mention]:
    """All findings of all sentences of a file beside this one."""
    text = Path(__file__).with_name(name).read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            part, kind, sentence, findings = line.split("|")
            for one in findings.split(";"):
                finding, _, said = one.strip().partition("=")
                yield Mention(part, kind, sentence, finding, frozenset(said.split("+")))


def label(context: Context) -> frozenset[str]:
    """A context as the sentences name it."""
    said = set()
    unsure = context.certainty is Certainty.UNCERTAIN
    if context.polarity is Polarity.ABSENT:
        said.add("unlikely" if unsure else "no")
    elif unsure:
        said.add("uncertain")
    if context.experiencer is not Experiencer.PATIENT:
        said.add(context.experiencer.value)
    if context.temporality is not Temporality.CURRENT:
        said.add(context.temporality.value)
    return frozenset(said or {"yes"})


def main(wanted: list[str]) -> None:
    rows: dict[tuple[str, str], list[bool]] = {}
    name = "edges.txt" if "--edges" in wanted else "sentences.txt"
    wanted = [part for part in wanted if part != "--edges"]
    for one in mentions(name):
        if not wanted or one.part in wanted:
            right = one.read == one.label
            rows.setdefault((one.part, one.kind), []).append(right)
            if not right:
                told, meant = "+".join(sorted(one.read)), "+".join(sorted(one.label))
                print(f"{one.kind}: {one.sentence!r} {one.finding}: {told}, not {meant}")
    for (part, kind), found in rows.items():
        print(f"{part} {kind}: {sum(found)} of {len(found)}")
    every = [right for found in rows.values() for right in found]
    print(f"all: {sum(every)} of {len(every)}")


if __name__ == "__main__":
    main(sys.argv[1:])
