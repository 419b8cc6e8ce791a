"""How llama.cpp is compiled: without AMX, small, and known by all that it depends on."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from setup_steps import llama, machine
from setup_steps.errors import SetupError
from setup_steps.layout import Layout
from setup_steps.steps import perform

LESSER = "x86_64 avx avx2 fma sse4_2"
LARGER = "x86_64 amx_tile avx avx2 avx512f fma sse4_2"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes an executable shell script of this name."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "tools" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


def _made(environ: dict[str, str], architecture: str = "x86_64") -> dict[str, str]:
    include = Path("/a checkout/deploy/llama.cmake")
    return llama.build_environment(llama.NATIVE, include, environ, architecture)


# --- flags ------------------------------------------------------------------------------------


def test_a_compiler_that_knows_amx_is_told_to_leave_it_out(script: Callable[..., Path]) -> None:
    tool = str(script("anycc", "exit 0"))
    made = _made({"CC": tool, "CXX": tool, "CFLAGS": "-g", "CXXFLAGS": "-mamx-tile"})
    assert made["CFLAGS"] == "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16 -g"
    assert made["CXXFLAGS"] == "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16 -mamx-tile"


def test_a_compiler_is_given_only_the_flags_that_it_takes(script: Callable[..., Path]) -> None:
    c = str(script("oldcc", 'case "$*" in *amx*) exit 1;; esac'))
    cxx = str(script("newcc", 'case "$*" in *amx-bf16*) exit 1;; esac'))
    made = _made({"CC": c, "CXX": cxx})
    assert made["CFLAGS"] == ""
    assert made["CXXFLAGS"] == "-mno-amx-tile -mno-amx-int8"


def test_another_architecture_gets_no_flags_of_x86(script: Callable[..., Path]) -> None:
    tool = str(script("anycc", "exit 0"))
    made = _made({"CC": tool, "CXX": tool}, "aarch64")
    assert "CFLAGS" not in made
    assert "CXXFLAGS" not in made


def test_cmake_is_told_to_build_the_library_only_and_the_user_has_the_last_word() -> None:
    words = shlex.split(_made({"CMAKE_ARGS": "-DGGML_NATIVE=OFF -DGGML_BLAS=ON"})["CMAKE_ARGS"])
    assert words[:3] == ["-DLLAVA_BUILD=OFF", "-DLLAMA_BUILD_TOOLS=OFF", "-DLLAMA_BUILD_SERVER=OFF"]
    assert "-DCMAKE_PROJECT_llama.cpp_INCLUDE=/a checkout/deploy/llama.cmake" in words
    assert words[-3:] == ["-DGGML_NATIVE=ON", "-DGGML_NATIVE=OFF", "-DGGML_BLAS=ON"]


def test_the_portable_build_asks_for_nothing_newer_than_sse_4_2() -> None:
    off = {f"-DGGML_{name}=OFF" for name in ("NATIVE", "AVX", "AVX2", "FMA", "F16C", "BMI2")}
    assert set(llama.PORTABLE.switches) == {*off, "-DGGML_SSE42=ON"}


def test_this_compiler_for_a_processor_with_amx_leaves_amx_out_and_keeps_the_rest() -> None:
    compiler = machine.compiler("CC", {"PATH": "/usr/bin:/bin"})
    flags = list(machine.known_flags(llama.NO_AMX, "CC", {"PATH": "/usr/bin:/bin"}))
    if compiler is None or len(flags) < 3:
        pytest.skip("no compiler here that knows AMX")
    macros = [*compiler, "-march=sapphirerapids", *flags, "-dM", "-E", "-x", "c", "/dev/null"]
    shown = subprocess.run(macros, capture_output=True, text=True, check=True).stdout
    assert "__AMX" not in shown
    for kept in ("__AVX512F__", "__AVX512VNNI__", "__AVX512BF16__"):
        assert kept in shown


def test_the_installed_library_has_no_amx_instruction() -> None:
    found = find_spec("llama_cpp")
    if found is None or found.origin is None or shutil.which("objdump") is None:
        pytest.skip("llama.cpp or objdump is not installed")
    libraries = sorted((Path(found.origin).parent / "lib").glob("libggml-cpu*.so"))
    assert libraries
    for library in libraries:
        command = ["objdump", "-d", "--no-show-raw-insn", str(library)]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "ret" in listed
        assert re.findall(r"\b(?:ldtilecfg|tile\w+|tdp\w+)\b.*", listed) == []


# --- the key ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environ",
    [
        {"CMAKE_ARGS": "-DGGML_AVX2=ON"}, {"CFLAGS": "-O2"}, {"CXXFLAGS": "-O2"}, {"CC": "clang"},
        {"CXX": "clang++"}, {"LDFLAGS": "-s"}, {"CMAKE_BUILD_TYPE": "Debug"},
        {"SKBUILD_CMAKE_ARGS": "-DGGML_BLAS=ON"}, {"SOURCE_DATE_EPOCH": "0"},
    ],
    ids=lambda environ: next(iter(environ)),
)  # fmt: skip
def test_the_key_holds_what_changes_a_build(setup_layout: Layout, environ: dict[str, str]) -> None:
    plain = llama.build_key(setup_layout, llama.NATIVE, {}, LARGER)
    assert llama.build_key(setup_layout, llama.NATIVE, environ, LARGER) != plain


def test_the_key_does_not_hold_what_changes_nothing(setup_layout: Layout, tmp_path: Path) -> None:
    plain = llama.build_key(setup_layout, llama.NATIVE, {}, LARGER)
    environ = {"LANG": "C", "TZ": "Asia/Tokyo", "CMAKE_BUILD_PARALLEL_LEVEL": "1"}
    assert llama.build_key(setup_layout, llama.NATIVE, environ, LARGER) == plain
    elsewhere = replace(setup_layout, root=shutil.copytree(setup_layout.root, tmp_path / "b"))
    assert llama.build_key(elsewhere, llama.NATIVE, {}, LARGER) == plain


@pytest.mark.parametrize("name", ["deploy/locks/build.txt", "deploy/llama.cmake"])
def test_the_key_holds_the_files_that_a_build_reads(setup_layout: Layout, name: str) -> None:
    plain = llama.build_key(setup_layout, llama.NATIVE, {}, LARGER)
    with (setup_layout.root / name).open("a") as file:
        file.write("# changed\n")
    assert llama.build_key(setup_layout, llama.NATIVE, {}, LARGER) != plain


def test_the_key_holds_our_switches(setup_layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = llama.build_key(setup_layout, llama.NATIVE, {}, LARGER)
    monkeypatch.setattr(llama, "NO_AMX", ())
    assert llama.build_key(setup_layout, llama.NATIVE, {}, LARGER) != plain


def test_only_a_native_build_is_bound_to_its_processor(setup_layout: Layout) -> None:
    def key(build: llama.Build, features: str) -> str:
        return llama.build_key(setup_layout, build, {}, features)

    assert key(llama.NATIVE, LARGER) != key(llama.NATIVE, LESSER)
    assert key(llama.PORTABLE, LARGER) == key(llama.PORTABLE, LESSER)
    assert key(llama.PORTABLE, LARGER) != key(llama.PORTABLE, "aarch64 asimd")


# --- processors -------------------------------------------------------------------------------


def test_features_are_those_that_every_processor_has(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "processor\t: 0\nflags\t\t: sse4_2 avx amx_tile\nbogomips\t: 1\n\n"
        "processor\t: 1\nflags\t\t: avx sse4_2\nvmx flags\t: ept\n"
    )
    assert machine.processor_features(cpuinfo).split()[1:] == ["avx", "sse4_2"]
    cpuinfo.write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert machine.processor_features(cpuinfo).split()[1:] == ["asimd", "fp"]
    assert machine.processor_features(tmp_path / "missing")


def test_what_was_installed_on_another_processor_is_installed_again(
    setup_module: ModuleType, setup_layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def set_up(features: str) -> list[str]:
        done.clear()
        monkeypatch.setattr(machine, "processor_features", lambda: features)
        _, step = setup_module.installation(setup_layout)
        setup_layout.program.parent.mkdir(parents=True, exist_ok=True)
        setup_layout.program.touch()
        perform(replace(step, do=lambda: done.append(features), space={}), setup_layout.stamps)
        return list(done)

    assert set_up(LARGER) == [LARGER]
    assert set_up(LARGER) == []
    assert set_up(LESSER) == [LESSER]
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_NATIVE=OFF")
    assert set_up(LESSER) == [LESSER]
    assert set_up(LESSER) == []


# --- compilers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "command"),
    [
        ("ID=debian\n", "apt-get install build-essential"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt-get install build-essential"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install gcc gcc-c++ make"),
        ("ID=alpine\n", "apk add build-base linux-headers"),
        ("ID=unheard-of\n", "Install GCC 11 or later, or Clang."),
    ],
)
def test_without_a_compiler_the_package_to_install_is_named(
    tmp_path: Path, system: str, command: str
) -> None:
    (tmp_path / "os-release").write_text(system)
    with pytest.raises(SetupError, match="compiler-missing") as told:
        machine.require_compilers({"PATH": str(tmp_path)}, tmp_path / "os-release")
    assert command in str(told.value)


def test_a_compiler_that_makes_no_program_is_told_with_its_reason(
    script: Callable[..., Path],
) -> None:
    tool = script("c++", 'case "$*" in *-o*) echo "fatal error: vector: none" >&2; exit 1;; esac')
    environ = {"CC": str(script("cc", "exit 0")), "CXX": str(tool), "PATH": "/usr/bin:/bin"}
    with pytest.raises(SetupError, match="fatal error: vector: none"):
        machine.require_compilers(environ)


def test_nothing_is_compiled_without_a_compiler(
    setup_layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SetupError, match="compiler-missing"):
        llama.llama_wheel(setup_layout, llama.NATIVE, {"PATH": str(tmp_path)})
    assert not setup_layout.log.exists()
    assert list(setup_layout.cache.glob("*.part")) == []
