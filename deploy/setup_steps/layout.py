"""Where set-up reads and writes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Layout", "default_layout", "wheel_cache"]


@dataclass(frozen=True, slots=True)
class Layout:
    """A checkout's paths. `cache` keeps what was compiled, for every checkout of this user."""

    root: Path
    cache: Path

    @property
    def locks(self) -> Path:
        return self.root / "deploy" / "locks"

    @property
    def build(self) -> Path:
        return self.root / "build"

    @property
    def stamps(self) -> Path:
        return self.build / "stamps"

    @property
    def log(self) -> Path:
        return self.build / "setup.log"

    @property
    def data_wheels(self) -> Path:
        return self.build / "wheels"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def uv(self) -> Path:
        return self.venv / "bin" / "uv"

    @property
    def program(self) -> Path:
        return self.venv / "bin" / "chartside"

    @property
    def packaged_model(self) -> Path:
        return self.build / "models" / "as-packaged" / "SmolLM2-135M-Instruct.Q4_1.gguf"

    @property
    def model(self) -> Path:
        return self.build / "models" / "SmolLM2-135M-Instruct.Q8_0.gguf"

    @property
    def terminology(self) -> Path:
        return self.build / "terminology.sqlite"

    @property
    def names(self) -> Path:
        return self.build / "names.txt"

    @property
    def cmake_include(self) -> Path:
        return self.root / "deploy" / "llama.cmake"

    @property
    def portable_library(self) -> Path:
        """The folder that the setting `model.portable_library` names in a checkout."""
        return self.build / "llama-portable" / "lib"

    @property
    def portable_choice(self) -> Path:
        """Exists where this processor refused the native build: the portable one is installed."""
        return self.build / "portable-engine.txt"

    @property
    def backend_choice(self) -> Path:
        """Which of llama.cpp's backends was built last, unless it was the processor's."""
        return self.build / "llama-backend.toml"


def default_layout(environ: Mapping[str, str] = os.environ) -> Layout:
    """The layout of the checkout that this file lies in."""
    root = Path(__file__).resolve().parents[2]
    return Layout(root, wheel_cache(environ, root / "build" / "cache-home"))


def wheel_cache(environ: Mapping[str, str], instead: Path) -> Path:
    """The user's cache folder for compiled wheels; below `instead` where that cannot be written.

    `XDG_CACHE_HOME` counts if it is absolute, as the XDG Base Directory Specification has it.
    """
    named = Path(environ.get("XDG_CACHE_HOME") or "")
    homes = [named] if named.is_absolute() else []
    if not homes:
        with contextlib.suppress(RuntimeError):  # an account without a home
            homes.append(Path.home() / ".cache")
    usable = next((home for home in homes if _writable(home)), instead)
    return usable / "chartside" / "wheels"


def _writable(folder: Path) -> bool:
    """Whether files can be made below a folder that need not exist yet."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
