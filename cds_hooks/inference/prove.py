"""Whether a model decodes on this machine: loaded and tried in an engine process of its own.

`python -m cds_hooks.inference.prove MODEL [--gpu-layers N] [--portable DIR] [--json]` prints one
line and ends with 0, or with the cause and 1. The process is confined as the service's is, and
climbs down the same ladder.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from cds_hooks.inference.hardware.processor import this_processor
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.worker.injected_faults import VARIABLE

__all__ = ["Proof", "config_for", "main", "prove", "unlogged"]


@dataclass(frozen=True, slots=True)
class Proof:
    """`decodes`, and on which rung after how long (`seconds`, from the start of the process), or
    the stable `code` and the `cause`. `facts` are the engine's of itself, `processor` what of this
    processor matters."""

    decodes: bool
    rung: str
    seconds: float
    code: str
    cause: str
    processor: tuple[str, ...]
    facts: Mapping[str, str]

    @property
    def line(self) -> str:
        """The same for a person."""
        if not self.decodes:
            return f"does not decode: {self.code}: {self.cause}"
        told = f"decodes: rung {self.rung}, {self.seconds:.1f} s"
        more = [self.facts.get(key, "") for key in ("gpu_trouble", "before")]
        if self.facts.get("devices") and not more[0]:
            more[0] = f"with {self.facts['devices']}"
        said = " ".join(filter(None, more))
        return f"{told} ({said})" if said else told

    def document(self) -> dict[str, object]:
        """The same as JSON."""
        return {
            "decodes": self.decodes,
            "rung": self.rung,
            "seconds": round(self.seconds, 2),
            "code": self.code,
            "cause": self.cause,
            "processor": list(self.processor),
            "engine": dict(self.facts),
        }


async def prove(config: LlamaConfig) -> Proof:
    """Load the model as configured in a process that ends with this call, and decode once.

    What ends a process from outside is tried once more, and not for a minute as in the service.
    """
    engine = LlamaEngine(replace(config, failed_loads=2, pauses_s=(0.2,)))
    started = time.monotonic()
    try:
        await engine.start()
        state = await engine.wait_until_settled()
        seconds = time.monotonic() - started
        good = state.status == "ready"
        code, cause = ("", "") if good else (state.detail, engine.trouble)
        return Proof(good, state.rung, seconds, code, cause, this_processor(), engine.facts)
    finally:
        await engine.stop()


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
    """Without the engine's log while the block runs: a command tells the same at its end."""
    log = logging.getLogger("cds_hooks.inference")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def config_for(model: Path) -> LlamaConfig:
    """The least that a model can be tried with: a short context, nothing written."""
    return LlamaConfig(
        model=model,
        entry=known_entry(load_catalogue(), model),
        prompt_tokens=512,
        answer_tokens=128,
        samples=1,
        parallel=1,
        kept_prompts=0,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the model decodes, 1 when not, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m cds_hooks.inference.prove", description=__doc__
    )
    parser.add_argument("model", type=Path, help="The GGUF file.")
    parser.add_argument("--gpu-layers", type=int, default=0, help="Layers on the GPU; -1: all.")
    parser.add_argument("--portable", type=Path, help="Folder of a libllama for any processor.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    given = parser.parse_args(arguments)
    config = replace(
        config_for(given.model),
        gpu_layers=given.gpu_layers,
        portable_library=given.portable,
        fault=os.environ.get(VARIABLE, ""),
    )
    with unlogged():
        proof = asyncio.run(prove(config))
    told = orjson.dumps(proof.document()).decode() if given.json else proof.line
    sys.stdout.write(f"{told}\n")
    return 0 if proof.decodes else 1


if __name__ == "__main__":
    raise SystemExit(main())
