"""Install what `chartside tune run` needs into the environment that runs this, pinned and hashed.

pip is asked, because it reads the site's own configuration: where a build of PyTorch for
processors lies in a folder or an index that pip knows, it is taken. PyPI has that build for macOS
alone; for Linux it has one for CUDA, which this leaves without CUDA's libraries and so unusable.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "deploy" / "locks" / "tune.txt"
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
HASHED = ("--no-deps", "--only-binary", ":all:", "--require-hashes")

WITHOUT_PYTORCH = """\
tune-torch-unusable: PyTorch does not start. On Linux the one from PyPI is built for CUDA. Get the wheel of
torch {version} for processors (its local version ends in +cpu) for this Python, compare its digest with its
publisher's, and run `make tune-setup TORCH=FILE`."""


def without_torch(lock: str) -> str:
    """The lock without PyTorch, which was named as a file."""
    return re.sub(r"^torch==(?:.*\\\n)*.*\n", "", lock, flags=re.MULTILINE)


def install(torch: Path | None) -> int:
    """pip's exit status."""
    lock = LOCK.read_text()
    if torch is not None:
        status = subprocess.run([*PIP, "--no-deps", "--force-reinstall", str(torch)], check=False)
        if status.returncode:
            return status.returncode
        lock = without_torch(lock)
    elif sys.platform == "linux" and hashed(for_processors(lock), quiet=True) == 0:
        lock = without_torch(lock)
    return hashed(lock)


def for_processors(lock: str) -> str:
    """PyTorch's lines of the lock, of the build for processors: pip would prefer an index's CUDA build."""
    lines = re.search(r"^torch==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    return re.sub(r"^(torch==[^ \\]+)", r"\1+cpu", lines[0]) if lines else ""


def hashed(lock: str, *, quiet: bool = False) -> int:
    """Install a lock's packages; pip's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "tune.txt"
        pinned.write_text(lock)
        command = [*PIP, *HASHED, "-r", str(pinned)]
        return subprocess.run(command, capture_output=quiet, check=False).returncode


def starts() -> bool:
    """Whether PyTorch can be imported."""
    asked = subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, check=False)
    return asked.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", type=Path, help="a wheel of PyTorch instead of the lock's")
    if status := install(parser.parse_args().torch):
        return status
    if starts():
        return 0
    version = re.search(r"^torch==([^ \\]+)", LOCK.read_text(), re.MULTILINE)
    print(WITHOUT_PYTORCH.format(version=version[1] if version else ""), file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
