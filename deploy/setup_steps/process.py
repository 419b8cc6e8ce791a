"""Runs the programs that do the work, keeps what they say, and shows how far they are."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from setup_steps.errors import CommandFailed, SetupError, signal_name
from setup_steps.faults import cause_of
from setup_steps.layout import Layout

__all__ = ["BuildProgress", "Words", "progress", "run"]

Watch = Callable[[str], str | None]
Words = list[str | Path]
"""A command's words."""
REMEMBERED = 400
"""Lines of a program's output that are searched for the cause of its fault."""
SHOWN = 25
PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>


def run(
    layout: Layout,
    command: Sequence[str | Path],
    watch: Watch | None = None,
    environ: Mapping[str, str] | None = None,
    explain: bool = True,
) -> str:
    """Run a command in the checkout, keep its output in the log, and return the output's end.

    `watch` makes a line of progress of a line of output, or None. `explain` is false for a program
    that names the cause of its fault itself. Raises CommandFailed.
    """
    words = [str(part) for part in command]
    last: deque[str] = deque(maxlen=REMEMBERED)
    with layout.log.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(words)}\n")
        with _started(words, layout.root, environ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                last.append(line)
                if watch and (word := watch(line)):
                    progress(word)
    if process.returncode != 0:
        raise _failed(layout, words, process.returncode, list(last), explain)
    return "".join(last)


@contextlib.contextmanager
def _started(
    words: list[str], folder: Path, environ: Mapping[str, str] | None
) -> Iterator[subprocess.Popen[str]]:
    """The program, which ends with this one, however this one ends."""
    try:
        process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            cwd=folder,
            env=None if environ is None else dict(environ),
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    except OSError as error:
        raise SetupError(f"{words[0]} cannot be started: {error.strerror}.") from error
    try:
        yield process
    finally:
        if sys.exc_info()[0] is not None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _end_with_parent() -> None:
    """Have the kernel end this child with its parent: nothing goes on writing after a kill -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _failed(
    layout: Layout, words: list[str], status: int, last: list[str], explain: bool
) -> CommandFailed:
    """The fault in few words where its cause is known, else the end of the output."""
    where = os.path.relpath(layout.log, layout.root)
    output = "".join(last)
    name = signal_name(status)
    ended = f"{Path(words[0]).name} was ended by {name}.\n" if name else ""
    if explain and (cause := cause_of(output)):
        message = f"{ended}{cause}\nAll that was said is at the end of {where}."
    else:
        message = f"{''.join(last[-SHOWN:])}\n{ended}The last lines of {where} are above."
    return CommandFailed(message, status, output)


def progress(word: str) -> None:
    """Print one line, which on a terminal replaces the one before."""
    end = "" if sys.stdout.isatty() else "\n"
    lead = "\r\033[K" if sys.stdout.isatty() else ""
    print(f"{lead}  {word}", end=end, flush=True)


class BuildProgress:
    """Turns the output of pip, uv and ninja into a few lines of progress."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.twentieths = -1

    def __call__(self, line: str) -> str | None:
        if match := re.search(r"\[(\d+)/(\d+)\] ", line):
            return self._built(int(match[1]), int(match[2]))
        if match := re.match(r"(Prepared|Installed|Building|Resolved) .*", line.strip()):
            return match[0]
        return None

    def _built(self, done: int, steps: int) -> str | None:
        """A bar, once for every twentieth of the way."""
        twentieths = 20 * done // steps
        if twentieths == self.twentieths:
            return None
        self.twentieths = twentieths
        took = time.monotonic() - self.started
        return f"compiling llama.cpp [{'#' * twentieths:<20}] {done}/{steps} steps, {took:.0f} s"
