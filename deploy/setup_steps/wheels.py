"""Compiled wheels, kept with their digest for every later checkout of this user.

Kept by us because installers forget what they built as soon as an index answers differently.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from setup_steps.errors import SetupError
from setup_steps.locking import only_one

__all__ = ["forget_wheel", "kept_wheel", "sha256_of"]

SUMS = "SHA256SUMS"


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def kept_wheel(cache: Path, key: str, build: Callable[[Path], None]) -> Path:
    """The wheel of this key; made by `build`, which fills a folder, where none is kept whole.

    Two set-ups that want the same wheel build it once. A build that was interrupted leaves a
    folder that is never looked at, and is removed by the next one.
    """
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_one(cache / f"{key}.lock", "Another set-up compiles llama.cpp"):
        wheel = _whole(cache / key)
        return wheel or _built(cache, key, build)


def _whole(folder: Path) -> Path | None:
    """The wheel in a folder if its digest is the one that was noted when it was built."""
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        return None
    try:
        noted = (folder / SUMS).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        noted = []
    if len(wheels) == 1 and noted == [sha256_of(wheels[0]), wheels[0].name]:
        return wheels[0]
    print(f"  The wheel kept in {folder} is damaged: it is built again", flush=True)
    return None


def _built(cache: Path, key: str, build: Callable[[Path], None]) -> Path:
    """Build into a folder of another name, note the digest, then give the folder its name."""
    for left in cache.glob(f"{key}.*.part"):
        shutil.rmtree(left, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".part", dir=cache))
    try:
        build(part)
        wheels = list(part.glob("*.whl"))
        if len(wheels) != 1:
            raise SetupError(f"wheel-missing: the build left {len(wheels)} wheels instead of one.")
        line = f"{sha256_of(wheels[0])}  {wheels[0].name}\n"
        (part / SUMS).write_text(line, encoding="utf-8")
        forget_wheel(cache, key)
        part.rename(cache / key)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return cache / key / wheels[0].name


def forget_wheel(cache: Path, key: str) -> None:
    """Remove the wheel of this key, so that the next set-up builds it again."""
    shutil.rmtree(cache / key, ignore_errors=True)
