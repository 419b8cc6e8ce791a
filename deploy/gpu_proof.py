"""Prove on a machine with a GPU that Chartside answers on it (`make gpu-proof`), and print JSON.

Builds llama.cpp for the GPU that is there and for no other, loads the embedded model and a larger
one onto it, and measures one, three and five samples of one prompt, on the GPU and on the processor
of the same machine. Nothing is measured where no GPU is found.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from setup_steps import backends
from setup_steps.backends import CPU, Choice
from setup_steps.environment import require_python
from setup_steps.errors import SetupError
from setup_steps.gpu_tools import found_tools
from setup_steps.layout import Layout, default_layout

LARGER = (
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
)
"""Models of `make model-qwen-...` below build/models; the first that is there is measured too."""


@dataclass(frozen=True, slots=True)
class Gpus:
    """What the driver's own program says: a line for each GPU, and what it compiles for."""

    lines: tuple[str, ...]
    arch: str


def gpus_of(choice: Choice, environ: Mapping[str, str]) -> Gpus:
    """The GPUs that the driver shows. Raises SetupError where there is none."""
    shows = choice.shows
    if not shows:
        return Gpus((), "")
    program = shutil.which(shows["program"], path=environ.get("PATH"))
    if program is None:
        raise SetupError(
            f"gpu-missing: {shows['program']}, which comes with the driver and lists GPUs, was "
            "not found. Run this on a machine with a GPU and its driver."
        )
    done = subprocess.run(
        [program, *shows["arguments"]], stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", errors="replace", env=dict(environ), check=False,
    )  # fmt: skip
    found = list(re.finditer(shows["gpu"], done.stdout))
    if done.returncode or not found:
        said = next(iter((done.stderr or done.stdout).strip().splitlines()), "nothing")
        raise SetupError(
            f"gpu-missing: {shows['program']} lists no GPU (it says: {said[:200]}). Run this on a "
            "machine with a GPU and its driver; in a container the device must be passed in."
        )
    arch = "".join(found[0].groups()[1:])
    return Gpus(tuple(match[1].strip() for match in found), arch)


def looked_at(name: str, arch: str, environ: Mapping[str, str]) -> tuple[Choice, Gpus]:
    """The backend for one architecture, that of the first GPU unless one is named.

    Raises SetupError: for a name or an architecture that is none, where no GPU is, and where a
    tool for the build is missing.
    """
    choice = backends.named(name, arch)
    if name == CPU:
        raise SetupError(
            "backend-not-a-gpu: LLAMA=cpu uses no GPU; name cuda, vulkan, rocm, metal."
        )
    backends.require_system(choice)
    gpus = gpus_of(choice, environ)
    if not arch and gpus.arch:
        choice = backends.named(name, gpus.arch)
    found_tools(choice, environ)
    return choice, gpus


def models_of(layout: Layout, more: Sequence[Path]) -> list[Path]:
    """The embedded model and a larger one. Raises SetupError for a file that is not there."""
    larger = [layout.model.parent / name for name in LARGER]
    chosen = list(more) or [path for path in larger if path.is_file()][:1]
    if missing := next((path for path in chosen if not path.is_file()), None):
        raise SetupError(f"model-missing: there is no file {missing}.")
    return [layout.model, *chosen]


def proved(layout: Layout, choice: Choice, gpus: Gpus, models: Sequence[Path]) -> dict[str, Any]:
    """What was built and measured. Raises SetupError where the GPU is not used."""
    started = time.monotonic()
    setup = [sys.executable, layout.root / "deploy" / "setup.py"]
    _run([*setup, "--llama", choice.name, "--llama-arch", choice.arch])
    built = time.monotonic() - started
    return {
        "backend": choice.name,
        "arch": choice.arch,
        "switches": list(choice.switches),
        "gpus": list(gpus.lines),
        "setup_s": round(built, 1),
        "models": {path.name: _measured(layout, path) for path in models},
        "differential": _differential(layout),
    }


def _measured(layout: Layout, model: Path) -> dict[str, Any]:
    """One model on the GPU and on the processor. Raises SetupError where the GPU is not used."""
    prove = [layout.python, "-m", "cds_hooks.inference.prove", model, "--gpu-layers", "-1"]
    proof = json.loads(_run([*prove, "--json"]))
    if proof["engine"].get("gpu") != "yes":
        why = proof["engine"].get("gpu_trouble") or "the library does not tell of a GPU"
        raise SetupError(f"gpu-not-used: {model.name} was not computed on a GPU: {why}")
    bench = [layout.program, "models", "bench", model, "--json"]
    return {
        "proof": proof,
        "on_gpu": json.loads(_run(bench, _layers(-1))),
        "on_processor": json.loads(_run(bench, _layers(0))),
    }


def _differential(layout: Layout) -> dict[str, Any]:
    """The demonstration's chart, through the service, on the GPU."""
    started = time.monotonic()
    told = json.loads(_run([layout.program, "demo", "--json"], _layers(-1)))
    return {"seconds": round(time.monotonic() - started, 1), "told": sorted(told)}


def _layers(count: int) -> dict[str, str]:
    return {"CHARTSIDE_MODEL__GPU_LAYERS": str(count)}


def _run(command: Sequence[str | Path], more: Mapping[str, str] | None = None) -> str:
    """Run a step, its standard error shown as it comes, and return its output."""
    words = [str(word) for word in command]
    print(f"$ {' '.join(words)}", file=sys.stderr, flush=True)
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8",
        env={**os.environ, **(more or {})}, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout, file=sys.stderr, flush=True)
        raise SetupError(f"step-failed: {' '.join(words[:4])} ended with {done.returncode}.")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """0: proved; 1: not, and why is told on standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llama", metavar="BACKEND", default="cuda")
    parser.add_argument("--llama-arch", metavar="ARCH", default="", help="else the first GPU's")
    parser.add_argument("--model", type=Path, action="append", default=[], help="a larger GGUF")
    parser.add_argument("--check", action="store_true", help="look at GPU and tools, and end")
    given, layout = parser.parse_args(arguments), default_layout()
    try:
        require_python()
        choice, gpus = looked_at(given.llama, given.llama_arch, os.environ)
        found = {"backend": choice.name, "arch": choice.arch, "gpus": list(gpus.lines)}
        models = models_of(layout, given.model)
        document = found if given.check else proved(layout, choice, gpus, models)
    except SetupError as error:
        print(f"\nNot proved: {error}", file=sys.stderr)
        return 1
    print(json.dumps(document, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
