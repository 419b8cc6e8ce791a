"""What of a model's loading is left to measurement on its machine, and for what kind of question.

Pure: the engine process measures (`worker/tuning`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

__all__ = ["FLASH", "PROMPT_THREADS", "THREADS", "Tuning"]

FLASH, THREADS, PROMPT_THREADS = "flash", "threads", "prompt_threads"
"""Fields of `ContextSize` that can be measured."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """`measured` are the fields to measure; the whole time of a question of `prompt` tokens, and of
    `steps` that each decode one token of `samples` samples, is made least. `busy`: others use the
    processors now, so that nothing can be measured.
    """

    measured: tuple[str, ...] = ()
    prompt: int = 0
    steps: int = 0
    samples: int = 1
    busy: bool = False

    def frame(self) -> dict[str, Any]:
        """The same for the engine process."""
        return asdict(self)

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError when the frame is not one of these."""
        return cls(
            measured=tuple(str(name) for name in frame["measured"]),
            prompt=int(frame["prompt"]),
            steps=int(frame["steps"]),
            samples=int(frame["samples"]),
            busy=bool(frame["busy"]),
        )
