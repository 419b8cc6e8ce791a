"""What is learned as an answer: what was prepared, or the sentence by which names are searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Protocol

from cds_hooks.tuning.example import MarkedTokens, TrainingExample

__all__ = ["AnswerForm", "as_sentences"]


class AnswerForm(StrEnum):
    """`written` learns the answers of the training set. `sentence` learns the plain sentence after
    which the service searches the names of a small model (the catalogue's `names.leads`)."""

    WRITTEN = "written"
    SENTENCE = "sentence"


class _Marks(Protocol):
    def mark(self, example: TrainingExample, *, trace: bool) -> MarkedTokens | str: ...


def as_sentences(
    examples: Iterable[TrainingExample], leads: Sequence[str], tokens: _Marks
) -> Iterator[MarkedTokens]:
    """Each example with its true name behind one of the leads, which take turns.

    One that has no name, or that the model's tokens cannot write, is left out.
    """
    for number, example in enumerate(examples):
        lead, name = leads[number % len(leads)], example.gold.display
        if not name:
            continue
        sentence = f"{lead} {_spoken(name)}."
        marked = tokens.mark(example.model_copy(update={"answer": sentence}), trace=False)
        if isinstance(marked, MarkedTokens):
            yield marked


def _spoken(name: str) -> str:
    """A name inside a sentence, as the search for names has it: its first letter small."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name
