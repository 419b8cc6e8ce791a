"""The statements of one chart: a short text, or the value of a question, each read once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from fhir_mapping.chart import Code, Polarity
from fhir_mapping.context.lacks import lacks
from fhir_mapping.context.reading import Context, Reading
from fhir_mapping.context.values import (
    begins_negative,
    polarity_of_codes,
    polarity_of_text,
)
from fhir_mapping.tables import table

__all__ = ["Statements"]


@cache
def _begins_as_a_disease() -> tuple[str, ...]:
    return tuple(table("context")["problems"]["begins"])


_SHORT = 120


@cache
def _excluded_by() -> re.Pattern[str]:
    known = table("context")["methods"]
    after, by = ("|".join(map(re.escape, known[name])) for name in ("after", "by"))
    return re.compile(rf"(\b(?:{after}))\s+(?:{by})\s+[^,;.]+$", re.IGNORECASE)


class Statements:
    """Reads what a chart says in few words, and keeps it as long as the chart is being mapped."""

    def __init__(self) -> None:
        self._whole: dict[str, Context] = {}
        self._answers: dict[str, Polarity | None] = {}

    def whole(self, text: str) -> Context:
        """What is so of all that a short text mentions ("No fever", "Suspected stroke")."""
        found = self._whole.get(text)
        if found is None:
            read = _excluded_by().sub(r"\1", text, count=1) if len(text) <= _SHORT else text
            found = self._whole[text] = Reading(read).whole()
        return found

    def problem(self, text: str) -> Context:
        """As `whole`, of the name of a problem: "Absence of kidney" denies nothing."""
        return Context() if text.lower().startswith(_begins_as_a_disease()) else self.whole(text)

    def answer(self, question: str, text: str, codes: Sequence[Code] = ()) -> Polarity | None:
        """What a value says of the thing asked for, by its code, else in words; None: it is a
        value of its own ("moderate", "no murmurs")."""
        coded = polarity_of_codes(codes)
        found = coded if coded is not None else self._in_words(question, text)
        if found is Polarity.ABSENT and lacks().is_answer(question, text):
            return None  # "Pedal pulse: absent" is the finding
        return found

    def _in_words(self, question: str, text: str) -> Polarity | None:
        if text not in self._answers:
            self._answers[text] = polarity_of_text(text)
        found = self._answers[text]
        if found is None and (begins_negative(text) or self._repeats(question, text)):
            return Polarity.ABSENT if self.whole(text).is_denied else None
        return found

    def _repeats(self, question: str, text: str) -> bool:
        """Whether the value names the thing again ("Facial droop: no facial droop seen")."""
        asked = question.lower().split()
        return bool(asked) and len(text) <= 200 and set(asked) <= set(text.lower().split())
