"""Steps with stamps: what was done with the same inputs is not done again.

A stamp in `build/stamps` holds the digest of a step's inputs and is written when the step is done,
so whatever ends a set-up early, the next one begins with the step that was cut off.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from setup_steps.faults import require_space

__all__ = ["Step", "is_done", "perform"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it reads (`inputs`: files; `facts`: other things that it depends on), what it
    leaves (`outputs`), the MB that it needs by folder, and what removes a half-done attempt."""

    name: str
    do: Callable[[], None]
    inputs: Sequence[Path] = ()
    outputs: Sequence[Path] = ()
    facts: Sequence[str] = ()
    space: Mapping[Path, int] = field(default_factory=dict)
    clean: Callable[[], None] | None = None

    def digest(self) -> str:
        """One digest over the interpreter's version, the facts and the input files."""
        digest = hashlib.sha256()
        contents = (path.read_bytes() for path in self.inputs)
        for part in (sys.version.encode(), *(fact.encode() for fact in self.facts), *contents):
            digest.update(b"%d:" % len(part) + part)
        return digest.hexdigest()


def is_done(step: Step, stamps: Path) -> bool:
    """Whether a step was done with these inputs, and what it leaves is there."""
    whole = all(path.exists() for path in step.outputs)
    return whole and _read(stamps / step.name) == step.digest()


def perform(step: Step, stamps: Path) -> bool:
    """Do a step unless it is done; whether it was done now.

    Errors pass through: then there is no stamp, and the next set-up does the step again.
    """
    if is_done(step, stamps):
        return False
    stamp, begun = stamps / step.name, stamps / f"{step.name}.begun"
    wanted = step.digest()
    print(f"{step.name} ...", flush=True)
    started = time.monotonic()
    if not all(path.exists() for path in step.outputs):
        require_space(step.space)
    stamp.unlink(missing_ok=True)
    if begun.exists() and step.clean:
        step.clean()
    begun.touch()
    step.do()
    _write(stamp, wanted)
    begun.unlink()
    print(f"{step.name}: done in {time.monotonic() - started:.0f} s", flush=True)
    return True


def _read(stamp: Path) -> str | None:
    try:
        return stamp.read_text(encoding="ascii")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _write(stamp: Path, text: str) -> None:
    """Write a stamp whole or not at all."""
    part = stamp.with_name(f"{stamp.name}.part")
    part.write_text(text, encoding="ascii")
    part.replace(stamp)
