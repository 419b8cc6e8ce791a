"""The engine process has no network, no programs and no files but its own, and says so."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.inference.model_catalogue.recognition import known_entry
from cds_hooks.inference.worker.sandbox import landlock, seccomp
from cds_hooks.inference.worker.sandbox.confinement import files_for

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
confinable = pytest.mark.skipif(
    landlock.abi() < 6, reason="this kernel's Landlock is older than ABI 6 (Linux 6.12)"
)


def _selftest(order: dict[str, Any], before: str = "") -> tuple[int, dict[str, Any]]:
    code = f"{before}\nimport sys\nfrom cds_hooks.inference.worker.sandbox.selftest import main\n"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{code}sys.exit(main())"],
        input=json.dumps(order).encode(), capture_output=True, cwd=ROOT, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def order(tmp_path: Path) -> dict[str, Any]:
    """A load order, with a secret beside the model that everybody may read."""
    model, secret = tmp_path / "model.gguf", tmp_path / "site.key"
    model.write_bytes(b"GGUF")
    secret.write_bytes(b"secret")
    return {"model": str(model), "cache": str(tmp_path / "cache"), "secrets": [str(secret)]}


@confinable
def test_everything_that_native_code_tries_is_refused(order: dict[str, Any]) -> None:
    status, found = _selftest(order)
    assert status == 0, found
    assert len(found["tried"]) >= 15
    assert all(result.startswith("refused") for result in found["tried"].values())


_NONE = "landlock.restrict = lambda *_, **__: 0"
_NO_FILTER = "seccomp.install = lambda **_: False"
_IMPORT = "from cds_hooks.inference.worker.sandbox import landlock, seccomp\n"


@confinable
def test_without_landlock_files_are_open_and_it_says_so(order: dict[str, Any]) -> None:
    status, found = _selftest(order, _IMPORT + _NONE)
    assert status == 1
    assert found["confinement"]["landlock"] == "ABI 0"
    assert found["confinement"]["writes"] == found["confinement"]["reads"] == "open"
    assert found["tried"]["read secret 1"] == "open"
    assert found["tried"]["connect by TCP to another machine"].startswith("refused")


@confinable
def test_without_seccomp_landlock_still_keeps_files_and_tcp(order: dict[str, Any]) -> None:
    status, found = _selftest(order, _IMPORT + _NO_FILTER)
    assert status == 1
    assert found["confinement"]["seccomp"] == "no"
    assert found["tried"]["read secret 1"].startswith("refused")
    assert found["tried"]["connect by TCP to another machine"].startswith("refused")
    assert found["tried"]["send by UDP to another machine"] == "open"


@confinable
def test_only_the_cache_is_written_and_only_what_is_ordered_is_read(
    order: dict[str, Any], tmp_path: Path
) -> None:
    code = """
import json, sys, threading
from pathlib import Path
from cds_hooks.inference.worker.sandbox.confinement import confine
order = json.loads(sys.stdin.read())
assert confine(order).holds
import numpy, tempfile
def work():
    cache = Path(order["cache"])
    with tempfile.NamedTemporaryFile(dir=cache, delete=False) as out:
        out.write(b"state")
    Path(out.name).replace(cache / "state.bin")
    assert Path(order["model"]).read_bytes() == b"GGUF"
    for refused in (order["secrets"][0], cache.parent):
        try:
            list(refused.iterdir()) if isinstance(refused, Path) else open(refused)
        except PermissionError:
            continue
        raise SystemExit("open: " + str(refused))
thread = threading.Thread(target=work); thread.start(); thread.join()
"""
    subprocess.run(
        [sys.executable, "-P", "-c", code], input=json.dumps(order).encode(), cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60, check=True,
    )  # fmt: skip
    assert (tmp_path / "cache/state.bin").read_bytes() == b"state"


def test_records_in_a_checkout_are_not_among_what_is_read() -> None:
    files = files_for({"model": "/models/m.gguf"})
    assert ROOT not in files.read
    assert ROOT / "build/records" not in files.read
    assert ROOT / "cds_hooks" in files.read
    assert files.written == ()


def test_a_gpus_devices_are_granted_with_layers_alone_and_its_libraries_are_read() -> None:
    without = files_for({"model": "/models/m.gguf", "gpu_layers": 0})
    having = files_for({"model": "/models/m.gguf", "gpu_layers": -1})
    assert without.devices == (Path("/dev/null"), Path("/dev/zero"))
    assert Path("/usr/share/vulkan") not in without.read
    assert Path("/usr/share/vulkan") in having.read
    for toolkit in ("/usr/local/cuda", "/opt/rocm"):
        assert Path(toolkit) in without.read
    assert without.written == having.written == ()


@pytest.mark.parametrize(("layers", "may"), [(0, False), (-1, True)])
def test_threads_are_named_where_a_gpus_driver_must(layers: int, may: bool) -> None:
    """As NVIDIA's drivers do it; of nothing else more is granted."""
    code = f"""
import os, threading
from cds_hooks.inference.worker.sandbox.confinement import confine
held = confine({{"confine": "where-possible", "gpu_layers": {layers}}})
path = f"/proc/self/task/{{threading.get_native_id()}}/comm"
try:
    named = os.write(os.open(path, os.O_RDWR), b"cuda") == 4
except OSError:
    named = False
print(held.landlock, named, held.holds)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    landlock, named, holds = done.stdout.split()
    if landlock == "0":
        pytest.skip("this kernel has no Landlock")
    assert (named, holds) == (str(may), "True")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_made_for_both_architectures(machine: str) -> None:
    steps = seccomp.filter_for(machine, 1234, local_sockets=False)
    assert len(steps) % 8 == 0
    assert 100 < len(steps) // 8 < 4096
    assert steps != seccomp.filter_for(machine, 1234, local_sockets=True)


def _config(**changes: Any) -> LlamaConfig:
    if not EMBEDDED.is_file():
        pytest.skip("the embedded model is not at build/models: run make")
    entry = known_entry(load_catalogue(), EMBEDDED)
    small = LlamaConfig(
        model=EMBEDDED, entry=entry, prompt_tokens=256, answer_tokens=64, samples=1, parallel=1,
        threads=1,
    )  # fmt: skip
    return replace(small, **changes)


async def _settled_state(config: LlamaConfig) -> tuple[str, str, dict[str, str]]:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        async with asyncio.timeout(100):
            state = await engine.wait_until_settled()
        return state.status, state.detail, dict(engine.confinement)
    finally:
        await engine.stop()


@confinable
@pytest.mark.model
async def test_an_engine_that_is_ready_tells_that_it_is_confined() -> None:
    status, _, told = await _settled_state(_config(confine="required"))
    assert status == "ready"
    assert told["confined"] == "yes"
    assert told["network"] == told["writes"] == "refused"


_UNABLE = f"{_IMPORT}{_NONE}\n{_NO_FILTER}\nimport runpy\n"
_UNABLE += 'runpy.run_module("cds_hooks.inference.worker", run_name="__main__")\n'


@pytest.mark.model
async def test_where_the_kernel_cannot_a_required_confinement_gives_no_engine() -> None:
    program = ("-c", _UNABLE)
    status, detail, _ = await _settled_state(_config(confine="required", program=program))
    assert (status, detail) == ("failed", "engine-not-confined")


@pytest.mark.model
async def test_where_the_kernel_cannot_an_engine_says_what_is_open() -> None:
    status, _, told = await _settled_state(_config(program=("-c", _UNABLE)))
    assert status == "ready"
    assert told["confined"] == "partly"
    assert told["network"] == told["reads"] == "open"


@pytest.mark.model
async def test_a_site_may_leave_it_off_and_that_is_told() -> None:
    status, _, told = await _settled_state(_config(confine="off"))
    assert status == "ready"
    assert told == {"confined": "off"}
