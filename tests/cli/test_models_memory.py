"""One arithmetic: `models check`, `models advise` and the start tell the same figure."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import prompts
from cds_hooks.cli import models_files
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.runtime.engines import local_configs, model_entry, samples_of
from cds_hooks.settings import load_settings

pytestmark = pytest.mark.model
ROOT = Path(__file__).resolve().parents[2]
OWN = """
version = "1"
[[model]]
name = "our-ward"
family = "Test"
architecture = "llama"
files = ["our-ward*.gguf"]
licence = "MIT"
source = "https://example.org/our-ward"
parameters = 0.2
context = 8192
"""
SIZES = {
    "as it is": "",
    "many at one time": "parallel = 9\nbatch = 64",
    "small steps": 'micro_batch = 32\nsplit_mode = "none"',
    "an adapter": 'adapters = [{ path = "own-adapter.gguf" }]',
    "windows": 'swa = "windowed"\nflash_attention = "on"\nextra_buffers = "off"',
}


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A settings file whose model is a tiny one that a site's catalogue knows."""
    spec = importlib.util.spec_from_file_location(
        "tiny_models_of_memory", ROOT / "tests/inference/tiny_models.py"
    )
    assert spec is not None
    assert spec.loader is not None
    tiny_models = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tiny_models  # dataclasses look their module up
    spec.loader.exec_module(tiny_models)
    tiny_models.write("llama", tmp_path / "our-ward.gguf")
    tiny_models.write_adapter(tmp_path / "own-adapter.gguf")
    (tmp_path / "own.toml").write_text(OWN)
    (tmp_path / "names.txt").write_text("Sepsis\nHeart failure\n")
    path = tmp_path / "chartside.toml"
    path.write_text(
        '[model]\npath = "our-ward.gguf"\ncatalogue = "own.toml"\nnames = "names.txt"\n'
        'cache = ""\nthreads = 1\n'
    )
    return path


def _run(*arguments: str | Path) -> tuple[int, Any]:
    """How a command ended, and the JSON that it printed."""
    app = typer.Typer()
    app.command("check")(models_files.check_model)
    app.command("advise")(models_files.advise_models)
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.stdout, done.exception
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_check_advise_and_start_reckon_alike(configured: Path, sizes: str) -> None:
    configured.write_text(f"{configured.read_text()}{sizes}\n")
    model = configured.with_name("our-ward.gguf")
    checked = _run("check", model, "--config", configured)[1]["memory"]
    assert checked.startswith("weights")
    assert (" adapters " in checked) == ("adapters" in sizes)
    assert _advised(configured)["memory"] == checked
    assert _loaded(_config(configured)) == checked


def test_what_is_on_gpus_is_told_apart_and_not_where_there_are_none(configured: Path) -> None:
    plain = configured.read_text()
    model = configured.with_name("our-ward.gguf")
    configured.write_text(f"{plain}gpu_layers = -1\n")
    checked = _run("check", model, "--config", configured)[1]["memory"]
    assert "; on GPUs weights" in checked
    assert _advised(configured)["memory"] == checked
    loaded = _loaded(_config(configured))
    if loaded != checked:  # this machine's library has no GPU: all of it is on the processor
        configured.write_text(f'{plain}flash_attention = "on"\n')
        assert loaded == _run("check", model, "--config", configured)[1]["memory"]


def test_what_is_too_much_is_refused_alike(configured: Path) -> None:
    configured.write_text(f"{configured.read_text()}parallel = 20_000_000\n")
    model = configured.with_name("our-ward.gguf")
    code, checked = _run("check", model, "--config", configured)
    assert code == 1
    [told] = [f["text"] for f in checked["findings"] if f["id"] == "memory-insufficient"]
    assert checked["memory"] in told
    assert "model.parallel" in told
    advised = _advised(configured)
    assert (advised["fits"], advised["memory"]) == (False, checked["memory"])
    assert asyncio.run(_refusal(_config(configured))).count(checked["memory"]) == 1


def test_check_says_what_the_start_would_refuse_of_the_cache(configured: Path) -> None:
    """The tiny model's heads are 16 wide."""
    configured.write_text(f'{configured.read_text()}kv_type = "q8_0"\n')
    code, checked = _run("check", configured.with_name("our-ward.gguf"), "--config", configured)
    assert (code, checked["usable"]) == (1, False)
    assert [f["id"] for f in checked["findings"] if f["level"] == "error"] == ["kv-type-unusable"]


async def _refusal(config: LlamaConfig) -> str:
    """Why the service's engine does not start."""
    engine = LlamaEngine(config)
    await engine.start()
    try:
        state = await engine.wait_until_settled()
        assert (state.status, state.detail) == ("failed", "memory-insufficient")
        return engine.trouble
    finally:
        await engine.stop()


def _advised(configured: Path) -> dict[str, Any]:
    models = _run("advise", "--config", configured)[1]["models"]
    return next(model for model in models if model["model"] == "our-ward")


def _config(configured: Path) -> LlamaConfig:
    """What the service starts its engine with."""
    settings, template = load_settings(configured, {}), prompts.load("differential")
    samples = samples_of(settings, model_entry(settings), template)
    [config] = local_configs(settings, template.settings, samples)
    return config


def _loaded(config: LlamaConfig) -> object:
    """What the engine process tells of a model that it has loaded."""
    from cds_hooks.inference.worker.load_order import LoadOrder
    from cds_hooks.inference.worker.loading import load

    digests: Future[dict[str, str]] = Future()
    files = [config.model, *(adapter.path for adapter in config.adapters)]
    digests.set_result({str(file): sha256_of(file) for file in files})
    order = LoadOrder.from_frame(config.order())
    loaded = load(order, digests, lambda _message: None, time.monotonic)
    loaded.scheduler.tools.context.close()
    return loaded.facts["memory"]
