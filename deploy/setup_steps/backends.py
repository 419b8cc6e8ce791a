"""Which of llama.cpp's backends is built: what the command line asks for, else what was built last.

`make demo` and `make test` set up first, so what `make setup LLAMA=cuda` chose is remembered.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from setup_steps.errors import SetupError
from setup_steps.layout import Layout

__all__ = [
    "CPU", "PROCESSOR", "Choice", "chosen", "forget_or_note", "named", "require_system",
]  # fmt: skip

DATA = Path(__file__).with_name("backends.toml")
CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend with the architectures that it is compiled for (empty: what CMake decides).

    `needs` are the tables of `backends.toml`.
    """

    name: str
    arch: str = ""
    switches: Sequence[str] = ()
    needs: Sequence[Mapping[str, Any]] = ()
    environment: re.Pattern[str] | None = None
    megabytes: int = 0
    systems: Sequence[str] = field(default=("linux", "darwin"))
    shows: Mapping[str, Any] = field(default_factory=dict)


PROCESSOR = Choice(CPU)


def chosen(layout: Layout, name: str, arch: str) -> Choice:
    """What is asked for; without a name what was built last, and CPU where nothing was.

    Raises SetupError.
    """
    if name:
        return named(name, arch)
    if arch:
        raise SetupError(
            "backend-missing: LLAMA_ARCH names what a GPU backend is compiled for: say which "
            "backend too, for example make setup LLAMA=cuda LLAMA_ARCH=90"
        )
    return _remembered(layout)


def named(name: str, arch: str = "") -> Choice:
    """The backend of this name. Raises SetupError where there is none, or not on this system."""
    backends = _tables()
    if name not in backends:
        raise SetupError(
            f"backend-unknown: LLAMA={name} names no backend of llama.cpp. There are: "
            f"{', '.join(backends)}."
        )
    table = backends[name]
    pattern = table.get("environment")
    return Choice(
        name=name,
        arch=arch,
        switches=(*table["switches"], *_arch_switch(name, table, arch)),
        needs=table.get("needs", ()),
        environment=re.compile(pattern) if pattern else None,
        megabytes=table.get("megabytes", 0),
        systems=table["systems"],
        shows=table.get("shows", {}),
    )


def require_system(choice: Choice, system: str = sys.platform) -> None:
    """Refuse a backend that this operating system does not have. Raises SetupError."""
    if system not in choice.systems:
        names = {"linux": "Linux", "darwin": "macOS"}
        wanted = " or ".join(names[each] for each in choice.systems)
        raise SetupError(
            f"backend-not-on-this-system: LLAMA={choice.name} needs {wanted}, and this is "
            f"{names.get(system, system)}."
        )


def forget_or_note(layout: Layout, choice: Choice) -> None:
    """Remember the choice for every later set-up in this checkout; CPU needs no note."""
    if choice.name == CPU:
        layout.backend_choice.unlink(missing_ok=True)
        return
    text = f'llama = "{choice.name}"\narch = "{choice.arch}"\n'
    layout.backend_choice.parent.mkdir(parents=True, exist_ok=True)
    layout.backend_choice.write_text(text, encoding="utf-8")


def _remembered(layout: Layout) -> Choice:
    import tomllib  # here: a Python without it is refused before this is called

    try:
        noted = tomllib.loads(layout.backend_choice.read_text(encoding="utf-8"))
        return named(str(noted["llama"]), str(noted["arch"]))
    except FileNotFoundError:
        return named(CPU)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, SetupError) as error:
        raise SetupError(
            f"backend-note-damaged: {layout.backend_choice} does not tell which backend was built "
            "last. Name one: make setup LLAMA=cpu"
        ) from error


def _tables() -> dict[str, Any]:
    import tomllib

    tables = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _arch_switch(name: str, table: Mapping[str, Any], arch: str) -> tuple[str, ...]:
    if not arch:
        return ()
    if "arch" not in table:
        raise SetupError(f"arch-not-for-this-backend: LLAMA={name} takes no LLAMA_ARCH.")
    if not re.fullmatch(f"{table['arch_pattern']}(;{table['arch_pattern']})*", arch):
        raise SetupError(
            f"arch-malformed: LLAMA_ARCH={arch} is no list of architectures (with ; between "
            f"them), for example {table['arch_example']}."
        )
    return (f"-D{table['arch']}={arch}",)
