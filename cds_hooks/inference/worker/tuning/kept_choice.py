"""A measured choice, kept in the cache folder."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.inference.tuning import FLASH, PROMPT_THREADS, THREADS

__all__ = ["KeptChoice", "KeptValues"]

_FORMAT = "chartside tuning 1"
_MOST_THREADS = 1024
_FIELDS = (FLASH, THREADS, PROMPT_THREADS)
_MOST_BEGUN = 3


@dataclass(frozen=True, slots=True)
class KeptValues:
    """Values of fields of a `ContextSize`, and the times that they were chosen by."""

    chosen: dict[str, int]
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """`key` names all that a choice depends on: model, processor, library and settings.

    A measurement that begins leaves a mark that its end removes: native code that dies of it must
    not be asked again at every start. One that was only stopped is tried again, three times in all.
    """

    folder: Path
    key: str

    def read(self) -> KeptValues | None:
        """What was chosen, or None where nothing is kept, or nothing that could have been."""
        try:
            told = json.loads(self._path("json").read_text("ascii"))
            chosen = {str(name): int(value) for name, value in told["chosen"].items()}
            seconds = {str(way): float(value) for way, value in told["seconds"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return KeptValues(chosen, seconds) if _sound(chosen) else None

    def write(self, chosen: Mapping[str, int], seconds: Mapping[str, float]) -> None:
        """Keep it; a disk that refuses costs the time to measure again, no more."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self.folder, suffix=".tmp", delete=False, encoding="ascii"
            ) as out:
                json.dump({"chosen": dict(chosen), "seconds": dict(seconds)}, out)
            Path(out.name).replace(self._path("json"))
        self.end()

    def begun(self) -> bool:
        """Whether measurements began and did not end as often as may be."""
        return self._beginnings() >= _MOST_BEGUN

    def begin(self) -> None:
        """Mark that one begins."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path("begun").write_bytes(b"." * (self._beginnings() + 1))

    def _beginnings(self) -> int:
        try:
            return self._path("begun").stat().st_size
        except OSError:
            return 0

    def end(self) -> None:
        """Remove the mark."""
        with suppress(OSError):
            self._path("begun").unlink(missing_ok=True)

    def _path(self, kind: str) -> Path:
        digest = hashlib.sha256(f"{_FORMAT}\n{self.key}".encode()).hexdigest()
        return self.folder / f"tuned-{digest[:32]}.{kind}"


def _sound(chosen: Mapping[str, int]) -> bool:
    return set(chosen) <= set(_FIELDS) and all(
        0 <= value <= (1 if name == FLASH else _MOST_THREADS) and (name == FLASH or value > 0)
        for name, value in chosen.items()
    )
