"""System parts of prompts on disk, as llama.cpp's sequence state behind a digest of our own.

Only the text of a template is saved, never anything of a chart. What is read back goes into
native code, so a file counts only if its SHA-256 is the one in its head and its name is the digest
of model, build and tokens; anything else is evaluated again and written over.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["SavedStates"]

_MAGIC = b"chartside state 1\n"
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class SavedStates:
    """States in `folder` of the model and build that `key` names."""

    folder: Path
    key: str

    def save(self, state: bytearray, tokens: list[int]) -> None:
        """Write the state of a sequence that holds `tokens`.

        A disk that refuses costs time at the next start, no more.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".tmp", delete=False) as out:
                out.write(_MAGIC + hashlib.sha256(state).digest() + state)
            Path(out.name).replace(self._path(tokens))
        except OSError:
            return

    def load(self, tokens: list[int]) -> bytearray | None:
        """The state that was saved of `tokens`, if it is there and whole."""
        try:
            data = self._path(tokens).read_bytes()
        except OSError:
            return None
        digest, state = data[len(_MAGIC) :][:_DIGEST], bytearray(data[len(_MAGIC) + _DIGEST :])
        if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(state).digest() != digest:
            return None
        return state

    def _path(self, tokens: list[int]) -> Path:
        ids = np.array(tokens, np.int32).tobytes()
        digest = hashlib.sha256(b"\0".join([_MAGIC, self.key.encode(), ids])).hexdigest()
        return self.folder / f"state-{digest[:32]}.bin"
