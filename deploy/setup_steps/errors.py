"""What ends a set-up."""

from __future__ import annotations

import signal

__all__ = ["CommandFailed", "SetupError", "signal_name"]


class SetupError(Exception):
    """A step could not be done; the message says what happened, where, and what to do next."""


class CommandFailed(SetupError):
    """A program that set-up started ended with a fault.

    `status` is its exit status, negative for a signal; `output` the last lines that it wrote.
    """

    def __init__(self, message: str, status: int, output: str) -> None:
        super().__init__(message)
        self.status = status
        self.output = output

    @property
    def illegal_instruction(self) -> bool:
        """Whether a processor refused an instruction, in this program or in one it started."""
        return signal.SIGILL in {-self.status, self.status - 128} or "SIGILL" in self.output


def signal_name(status: int) -> str | None:
    """The name of the signal that an exit status tells of, None where there is none."""
    number = -status if status < 0 else status - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return None
