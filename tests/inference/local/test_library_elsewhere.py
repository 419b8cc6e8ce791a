"""A libllama that was built elsewhere: `LLAMA_CPP_LIB_PATH` reaches the engine process, and a
library that does not fit is refused in words. With the installed one, copied and spoilt."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes.util
import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from cds_hooks.inference.engine import EngineState
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.worker.bindings import unusable_library, versions

pytestmark = pytest.mark.model


def _installed() -> Path:
    """The installed libllama's folder, found without loading it."""
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "lib"


@pytest.fixture
def tiny(config: LlamaConfig, tiny_models: ModuleType, tmp_path: Path) -> LlamaConfig:
    """A small engine on a tiny llama, which is not confined so that what it loaded can be seen."""
    path = tmp_path / "tiny.gguf"
    tiny_models.write("llama", path)
    entry = config.entry.model_copy(update={"sha256": ""})
    changes = {"names": None, "cache": None, "kept_prompts": 0, "confine": "off"}
    return replace(config, model=path, entry=entry, **changes)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installed libraries at another place, which the service's environment names."""
    folder = tmp_path / "elsewhere"
    shutil.copytree(_installed(), folder)
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(folder))
    return folder


async def _tried(config: LlamaConfig) -> tuple[EngineState, str, str]:
    """Where an engine stands, what is said of it, and the files that its process has mapped."""
    engine = LlamaEngine(config)
    await engine.start()
    try:
        async with asyncio.timeout(100):
            state = await engine.wait_until_settled()
        return state, engine.trouble, _mapped(engine.pid)
    finally:
        await engine.stop()


def _environ(pid: int | None) -> set[str]:
    """The names of a process's variables as it was started."""
    whole = Path(f"/proc/{pid}/environ").read_bytes()
    return {each.split(b"=")[0].decode() for each in whole.split(b"\0") if each}


def _mapped(pid: int | None) -> str:
    with contextlib.suppress(OSError):  # it may have ended by now
        return Path(f"/proc/{pid}/maps").read_text() if pid else ""
    return ""


async def test_the_engine_process_loads_the_library_that_the_environment_names(
    tiny: LlamaConfig, elsewhere: Path
) -> None:
    state, trouble, loaded = await _tried(tiny)
    assert state.status == "ready", trouble
    assert f"{elsewhere}/libllama.so" in loaded
    assert str(_installed()) not in loaded


async def test_which_gpus_are_seen_is_handed_on_and_nothing_else(
    tiny: LlamaConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES")
    for name in (*handed, "PASSWORD"):
        monkeypatch.setenv(name, "")
    engine = LlamaEngine(tiny)
    await engine.start()
    try:
        told = _environ(engine.pid)
    finally:
        await engine.stop()
    assert {name for name in told if "DEVICES" in name} == set(handed)
    assert "PASSWORD" not in told


async def test_a_confined_engine_may_read_it_too(tiny: LlamaConfig, elsewhere: Path) -> None:
    state, trouble, _ = await _tried(replace(tiny, confine="where-possible"))
    assert state.status == "ready", trouble


async def test_a_relative_path_is_one_of_the_service(
    tiny: LlamaConfig, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(elsewhere.parent)
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", elsewhere.name)
    state, trouble, loaded = await _tried(tiny)
    assert state.status == "ready", trouble
    assert f"{elsewhere}/libllama.so" in loaded


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _short(folder: Path) -> None:
    whole = (folder / "libllama.so").read_bytes()
    (folder / "libllama.so").write_bytes(whole[:512])


def _without_ggml(folder: Path) -> None:
    for path in folder.glob("libggml-base.so*"):
        path.unlink()


def _older_ggml(folder: Path) -> None:
    """The same library, which says that it is of another version."""
    number = versions.installed_with(folder)["ggml"].encode()
    for path in folder.glob("libggml-base.so*"):
        found = path.read_bytes()
        assert number in found
        path.write_bytes(found.replace(number, b"0.0.1".ljust(len(number), b"\0")))


@pytest.mark.parametrize(
    ("spoils", "told"),
    [
        (_empty, "(library-not-found): there is no libllama in its folder."),
        (_short, "(library-damaged: libllama.so): libllama is no library, or only a part of one."),
        (lambda folder: shutil.copy(folder / "libggml.so", folder / "libllama.so"),
         "(library-lacks-symbols: libllama.so, undefined symbol: llama_"),
        (_without_ggml, "(library-needs-another: libllama.so, libggml-base.so.0): a library that "
         "it needs is not found"),
        (_older_ggml, "library-of-another-version: libllama is of another version (ggml 0.0.1 "
         "instead of "),
    ],
    ids=["no libllama", "half a libllama", "other symbols", "no ggml", "an older ggml"],
)  # fmt: skip
async def test_a_library_that_does_not_fit_is_refused_in_words(
    tiny: LlamaConfig, elsewhere: Path, spoils: Callable[[Path], object], told: str
) -> None:
    spoils(elsewhere)
    state, trouble, _ = await _tried(tiny)
    assert (state.status, state.detail) == ("failed", "engine-library-unusable")
    assert state.restarts == 0
    assert told in trouble
    assert "The folder in LLAMA_CPP_LIB_PATH or model.portable_library must hold" in trouble
    assert str(elsewhere) not in trouble


def _needs_a_driver(folder: Path) -> None:
    """A libllama that needs libcuda.so.1, as one that was built with CUDA does."""
    driver, source = folder / "libcuda.so", folder / "empty.c"
    source.write_text("int cuInit(int flags) { return flags; }\n")
    make = ["gcc", "-shared", "-fPIC", str(source)]
    subprocess.run([*make, "-Wl,-soname,libcuda.so.1", "-o", str(driver)], check=True)
    linked = ["-Wl,--no-as-needed", f"-L{folder}", "-lcuda"]
    subprocess.run([*make, *linked, "-o", str(folder / "libllama.so")], check=True)
    driver.unlink()


async def test_a_library_for_a_gpu_without_its_driver_says_so(
    tiny: LlamaConfig, elsewhere: Path
) -> None:
    if shutil.which("gcc") is None or ctypes.util.find_library("cuda"):
        pytest.skip("no GCC here, or a driver")
    _needs_a_driver(elsewhere)
    _, trouble, _ = await _tried(tiny)
    assert (
        "(gpu-driver-missing: libllama.so, libcuda.so.1): it was built for a GPU whose" in trouble
    )
    assert "make setup LLAMA=cpu" in trouble


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("/x/libc.so.6: version `GLIBC_2.38' not found (required by /y/libllama.so)"),
         "library-of-another-system: libc.so.6, GLIBC_2.38, libllama.so"),
        (RuntimeError("'/y/libllama.so': /y/libllama.so: wrong ELF class: ELFCLASS32"),
         "library-of-another-system: libllama.so"),
        (RuntimeError("libvulkan.so.1: cannot open shared object file: No such file"),
         "gpu-driver-missing: libvulkan.so.1"),
        (RuntimeError("libcublas.so.13: cannot open shared object file: Permission denied"),
         "library-needs-another: libcublas.so.13"),
        (RuntimeError("something new"), "library-not-loadable"),
    ],
)  # fmt: skip
def test_each_reason_is_told_with_what_it_is_about(error: Exception, reason: str) -> None:
    frame = unusable_library.unusable(error)
    assert frame["code"] == "engine-library-unusable"
    assert f"({reason})" in frame["message"]
    assert "/y/" not in frame["message"]


def test_without_another_library_it_is_set_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLAMA_CPP_LIB_PATH", raising=False)
    assert unusable_library.unusable(FileNotFoundError())["hint"].startswith("Run `make setup`")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["libllama.so", "libllama.so.0", "libllama.so.0.5.0", "libggml-base.so.0.25.3"],
         {"llama": "0.5.0", "ggml": "0.25.3"}),
        (["libllama.0.5.0.dylib", "libggml-base.dylib"], {"llama": "0.5.0"}),
        ([], {}),
    ],
)  # fmt: skip
def test_versions_are_read_in_the_names_of_files(
    tmp_path: Path, names: list[str], found: dict[str, str]
) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert versions.installed_with(tmp_path) == found


def test_what_a_library_does_not_tell_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert versions.difference() == ""
    silent = SimpleNamespace(llama_version=_Silent())
    assert versions.told_by(silent) == {}  # type: ignore[arg-type]
    monkeypatch.setattr(versions, "told_by", lambda _: {"llama": "9.9.9"})
    assert versions.difference().startswith("llama 9.9.9 instead of ")
    monkeypatch.setattr(versions, "installed_with", lambda _: {})
    assert versions.difference() == ""


class _Silent:
    """A function of a library that tells a name instead of a version."""

    restype: object = None

    def __call__(self) -> bytes:
        return b"b1234"
