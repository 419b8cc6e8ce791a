"""The embedded model, small GGUF files made by hand, and an engine that lives for the session."""

from __future__ import annotations

import asyncio
import importlib.util
import struct
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytest_asyncio

from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from prompts.prompt import Message

EMBEDDED = Path(__file__).resolve().parents[2] / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
NAMES = """\
# name, tab, concept
Hypertension\tD006973
High blood pressure\tD006973
Hyperkalemia\tD006947
Renal failure\tD051437
Kidney failure\tD051437
Acute kidney injury\tD058186
Diabetes mellitus\tD003920
Type 2 diabetes mellitus\tD003924
Heart failure\tD006333
Hypothyroidism\tD007037
Sjögren syndrome\tD012859
17-Hydroxylase deficiency\tD000312
"""
CHART = "S1 swelling of the legs\nL1 potassium 6.1 mmol/L, high\nL12 creatinine 3.2 mg/dL, high"


@pytest.fixture(scope="session")
def embedded() -> Path:
    """The embedded model's file, which `make` puts there."""
    if not EMBEDDED.is_file():
        pytest.skip("the embedded model is not at build/models: run make")
    return EMBEDDED


@pytest.fixture(scope="session")
def names_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short list of names, some of one concept."""
    path = tmp_path_factory.mktemp("names") / "names.txt"
    path.write_text(NAMES, "utf-8")
    return path


@pytest.fixture(scope="session")
def known_names() -> set[str]:
    """The names that `names_file` holds."""
    return {line.split("\t")[0] for line in NAMES.splitlines()[1:]}


@pytest.fixture(scope="session")
def config(
    embedded: Path, names_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> LlamaConfig:
    """A small engine on the embedded model: one thread, because tests share their machine."""
    entry = known_entry(load_catalogue(), embedded)
    return LlamaConfig(
        model=embedded,
        entry=entry,
        names=names_file,
        cache=tmp_path_factory.mktemp("cache"),
        prompt_tokens=1024,
        answer_tokens=256,
        samples=3,
        threads=1,
        queue=2,
        pauses_s=(0.05, 0.1),
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(config: LlamaConfig) -> AsyncIterator[LlamaEngine]:
    """A running engine; tests leave it running."""
    made = LlamaEngine(config)
    await made.start()
    try:
        async with asyncio.timeout(100):
            state = await made.wait_until_settled()
        assert state.status == "ready", state
        yield made
    finally:
        await made.stop()


def differential_schema(*facts: str, diagnoses: int = 2) -> dict[str, Any]:
    """The shape of the answer, as the template's schema has it, for a few facts."""
    cited = {
        "type": "object",
        "additionalProperties": False,
        "required": ["fact", "is"],
        "properties": {
            "fact": {"enum": list(facts)},
            "is": {"enum": ["high", "low", "abnormal", "normal", "present", "absent"]},
        },
    }
    evidence = {"type": "array", "maxItems": 2, "items": cited}
    item = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "group", "for", "against", "discriminator"],
        "properties": {
            "name": {"type": "string", "x-chartside-names": True, "maxLength": 100},
            "group": {"enum": ["likely", "must-not-miss"]},
            "for": {**evidence, "minItems": 1},
            "against": evidence,
            "discriminator": {"type": "string", "maxLength": 60},
        },
    }
    listed = {"type": "array", "minItems": diagnoses, "maxItems": diagnoses, "items": item}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["diagnoses"],
        "properties": {"diagnoses": listed},
    }


@pytest.fixture
def ask() -> Callable[..., GenerationRequest]:
    """`ask(samples=1, ...)` makes a request about a small chart."""

    def make(chart: str = CHART, diagnoses: int = 1, **changes: Any) -> GenerationRequest:
        fields: dict[str, Any] = {
            "schema": differential_schema("S1", "L1", "L12", diagnoses=diagnoses),
            "max_tokens": 200,
            "seed": 1,
            "deadline_s": 100.0,
            "names": True,
            **changes,
        }
        system = Message("system", "You list the diagnoses that explain a chart, as JSON.")
        user = Message("user", f"Chart:\n{chart}\nList the most likely diagnoses.")
        return GenerationRequest((system, user), **fields)

    return make


def gguf_string(text: str) -> bytes:
    """A string as GGUF writes it."""
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf_bytes(
    metadata: Mapping[str, str | int | list[Any]] | None = None,
    tensors: tuple[tuple[str, tuple[int, ...], int, int], ...] = (("t", (32, 2), 2, 0),),
    data: int = 36,
    version: int = 3,
) -> bytes:
    """A GGUF file: metadata, tensors as (name, shape, type, offset), `data` bytes behind them."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata or {}))
    for key, value in (metadata or {}).items():
        out += gguf_string(key)
        if isinstance(value, str):
            out += struct.pack("<I", 8) + gguf_string(value)
        elif isinstance(value, int):
            out += struct.pack("<II", 4, value)
        else:
            texts = all(isinstance(item, str) for item in value)
            items = b"".join(gguf_string(i) if texts else struct.pack("<I", i) for i in value)
            out += struct.pack("<IIQ", 9, 8 if texts else 4, len(value)) + items
    for name, shape, kind, offset in tensors:
        out += gguf_string(name) + struct.pack("<I", len(shape))
        out += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", kind, offset)
    return out + b"\0" * (-len(out) % 32) + b"\1" * data


@pytest.fixture(scope="session")
def tiny_models() -> ModuleType:
    """`tiny_models.py` beside this file."""
    path = Path(__file__).with_name("tiny_models.py")
    spec = importlib.util.spec_from_file_location("tiny_models", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiny_models"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_gguf(tmp_path: Path) -> Callable[..., Path]:
    """`make_gguf(metadata, ...)` writes a small GGUF file and returns its path."""

    def make(*args: Any, **kwargs: Any) -> Path:
        path = tmp_path / "model.gguf"
        path.write_bytes(gguf_bytes(*args, **kwargs))
        return path

    return make
