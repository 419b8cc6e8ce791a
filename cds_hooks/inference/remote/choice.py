"""One sample as it comes: its text, its thought, and what is wrong with them. No network."""

from __future__ import annotations

from dataclasses import dataclass, field

from cds_hooks.inference.remote.misbehaviour import AnswerBounds, misbehaviours
from cds_hooks.inference.remote.runaway_text import TextWatch
from cds_hooks.inference.remote.server_faults import FaultCode

__all__ = ["WHOLE", "ExpectedAnswer", "StreamedSample"]

WHOLE = ("stop", "length")
"""How a sample ends that is as the model wrote it."""


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """What an answer should be: an `is_object` in JSON, of at most `longest` characters, after a
    thought of at most `thought_tokens`; None: as long as it likes."""

    is_object: bool = False
    longest: int = 65_536
    thought_tokens: int | None = None
    bounds: AnswerBounds = field(default_factory=lambda: misbehaviours().bounds)


class StreamedSample:
    """A sample: `take` what comes of it until it is `over`. `finish` is how it ended: `stop`,
    `length` or a fault's code; empty while it goes on."""

    def __init__(self, expected: ExpectedAnswer) -> None:
        self._expected = expected
        self._answer = TextWatch(expected.bounds)
        self._thought = TextWatch(expected.bounds)
        self._pieces: list[str] = []
        self._size = 0
        self._begins = ""
        self._thought_begins = ""
        self._thought_size = 0
        self.thought_pieces = 0
        self.pieces = 0
        self.finish = ""

    @property
    def text(self) -> str:
        """The answer without the thought before it."""
        return "".join(self._pieces)

    @property
    def begun(self) -> bool:
        """Whether anything came of it."""
        return bool(self.pieces or self.finish)

    def take(self, content: str, thought: str) -> FaultCode | None:
        """Keep a piece of the answer and count one of the thought; what is wrong, if anything is.

        TOO_LARGE is left to the caller; anything else has ended the sample.
        """
        self.pieces += 1
        fault = self._think(thought) if thought else None
        fault = fault or (self._write(content) if content else None)
        if fault is not None:
            self.finish = fault.value
        return fault

    def close(self, finish: str) -> None:
        """The server says that it is whole, or why not."""
        if finish not in WHOLE:
            self.finish = FaultCode.ANSWER_ABORTED.value
        elif not self._begins:
            self.finish = self._nothing().value
        else:
            self.finish = finish

    def _think(self, piece: str) -> FaultCode | None:
        self.thought_pieces += 1
        self._thought_size += len(piece)
        self._thought_begins = _first_two(self._thought_begins, piece)
        fault = self._thought.feed(piece)
        return fault or (self._unanswered() if self._past_its_budget() else None)

    def _past_its_budget(self) -> bool:
        budget = self._expected.thought_tokens
        if budget is None or self._begins:
            return False
        longest = budget * self._expected.bounds.thought_characters_a_token
        return self.thought_pieces > budget or self._thought_size > longest

    def _write(self, piece: str) -> FaultCode | None:
        self._pieces.append(piece)
        self._size += len(piece)
        if len(self._begins) < 2:
            self._begins = _first_two(self._begins, piece)
            if self._expected.is_object and (fault := _of_beginning(self._begins)):
                return fault
        fault = self._answer.feed(piece)
        too_large = self._size > self._expected.longest
        return fault or (FaultCode.TOO_LARGE if too_large else None)

    def _nothing(self) -> FaultCode:
        """What it is called when a whole answer has nothing in it."""
        return self._unanswered() if self.thought_pieces else FaultCode.EMPTY_ANSWER

    def _unanswered(self) -> FaultCode:
        """A thought and no answer: the answer itself where the thought is an object in JSON."""
        is_json = self._thought_begins == '{"'
        return FaultCode.ANSWER_IN_REASONING if is_json else FaultCode.THOUGHT_UNENDING


def _first_two(begins: str, piece: str) -> str:
    """The first two characters that are no white space."""
    return begins if len(begins) == 2 else (begins + "".join(piece.split()))[:2]


def _of_beginning(begins: str) -> FaultCode | None:
    """What is wrong with the beginning of an object in JSON. After its brace comes a string."""
    if not begins or begins == "{":
        return None
    if begins == "{{":
        return FaultCode.DOUBLED_BRACE
    if begins[0] == "{":
        return None
    return FaultCode.THOUGHT_IN_ANSWER if begins[0] == "<" else FaultCode.UNCONSTRAINED
