"""`make setup LLAMA=...`: switches, wheels that are never mixed up, and tools that are missing."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from setup_steps import backends, gpu_tools, llama, machine
from setup_steps.errors import SetupError
from setup_steps.layout import Layout

PROCESSOR = "x86_64 avx avx2 fma sse4_2"
Script = Callable[[str, str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Writes an executable shell script into `tools/bin`."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "tools" / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    path = tmp_path / "os-release"
    path.write_text("ID=debian\n")
    return path


# --- switches ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arch", "switches"),
    [
        ("cpu", "", ()),
        ("cuda", "", ("-DGGML_CUDA=ON",)),
        ("cuda", "90", ("-DGGML_CUDA=ON", "-DCMAKE_CUDA_ARCHITECTURES=90")),
        ("cuda", "86;89-real", ("-DGGML_CUDA=ON", "-DCMAKE_CUDA_ARCHITECTURES=86;89-real")),
        ("vulkan", "", ("-DGGML_VULKAN=ON",)),
        ("metal", "", ("-DGGML_METAL=ON",)),
        ("rocm", "gfx1100", ("-DGGML_HIP=ON", "-DGPU_TARGETS=gfx1100")),
        ("rocm", "gfx90a:xnack-;gfx942",
         ("-DGGML_HIP=ON", "-DGPU_TARGETS=gfx90a:xnack-;gfx942")),
    ],
)  # fmt: skip
def test_each_backend_has_its_switches(name: str, arch: str, switches: tuple[str, ...]) -> None:
    assert tuple(backends.named(name, arch).switches) == switches


def test_the_switches_come_after_those_of_the_processor_and_before_the_users() -> None:
    build = llama.on_backend(llama.NATIVE, backends.named("cuda", "86;89"))
    made = llama.build_environment(
        build, Path("/llama.cmake"), {"CMAKE_ARGS": "-DGGML_CUDA_FORCE_MMQ=ON"}, "aarch64"
    )
    assert made["CMAKE_ARGS"].endswith(
        "-DGGML_NATIVE=ON -DGGML_CUDA=ON '-DCMAKE_CUDA_ARCHITECTURES=86;89' "
        "-DGGML_CUDA_FORCE_MMQ=ON"
    )


def test_a_gpu_build_leaves_amx_out_too(script: Script) -> None:
    tool = str(script("anycc", "exit 0"))
    build = llama.on_backend(llama.NATIVE, backends.named("vulkan"))
    environ = {"CC": tool, "CXX": tool}
    made = llama.build_environment(build, Path("/llama.cmake"), environ, "x86_64")
    assert made["CXXFLAGS"].startswith("-mno-amx-tile -mno-amx-int8 -mno-amx-bf16")


def test_where_a_tool_lies_is_told_to_cmake_unless_the_user_says_it() -> None:
    found = {"CUDACXX": "/usr/local/cuda/bin/nvcc"}
    build = llama.on_backend(llama.NATIVE, backends.named("cuda"))

    def made(environ: dict[str, str]) -> str:
        return llama.build_environment(build, Path("/x"), environ, "aarch64", found)["CUDACXX"]

    assert made({}) == "/usr/local/cuda/bin/nvcc"
    assert made({"CUDACXX": "/opt/nvcc"}) == "/opt/nvcc"


@pytest.mark.parametrize(
    ("name", "arch", "code", "told"),
    [
        ("gpu", "", "backend-unknown", "There are: cpu, cuda, vulkan, metal, rocm."),
        ("CUDA", "", "backend-unknown", "cpu, cuda, vulkan, metal, rocm"),
        ("vulkan", "90", "arch-not-for-this-backend", "LLAMA=vulkan takes no LLAMA_ARCH"),
        ("cpu", "90", "arch-not-for-this-backend", "LLAMA=cpu takes no LLAMA_ARCH"),
        ("cuda", "9.0", "arch-malformed", "LLAMA_ARCH=90"),
        ("cuda", "gfx1100", "arch-malformed", "LLAMA_ARCH=90"),
        ("cuda", "90 -DX=1", "arch-malformed", "LLAMA_ARCH=90"),
        ("rocm", "90", "arch-malformed", "LLAMA_ARCH=gfx1100"),
        ("", "90", "backend-missing", "make setup LLAMA=cuda LLAMA_ARCH=90"),
    ],
)
def test_a_wrong_choice_says_what_there_is(
    setup_layout: Layout, name: str, arch: str, code: str, told: str
) -> None:
    with pytest.raises(SetupError, match=f"^{code}: ") as refused:
        backends.chosen(setup_layout, name, arch)
    assert told in str(refused.value)


def test_the_command_line_tells_a_wrong_choice(
    setup_module: ModuleType, setup_layout: Layout, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(setup_module, "default_layout", lambda: setup_layout)
    assert setup_module.main(["--llama", "opencl", "--llama-arch", ""]) == 1
    assert "Set-up stopped: backend-unknown: LLAMA=opencl" in capsys.readouterr().err
    assert setup_module.main(["--switches", "--llama", "cpu"]) == 0
    assert capsys.readouterr().out == "\n"


@pytest.mark.parametrize(
    ("name", "system", "told"),
    [
        ("metal", "linux", "LLAMA=metal needs macOS, and this is Linux."),
        ("cuda", "darwin", "LLAMA=cuda needs Linux, and this is macOS."),
        ("vulkan", "freebsd14", "LLAMA=vulkan needs Linux or macOS, and this is freebsd14."),
    ],
)
def test_a_backend_of_another_system_is_refused(name: str, system: str, told: str) -> None:
    with pytest.raises(SetupError) as refused:
        backends.require_system(backends.named(name), system)
    assert str(refused.value) == f"backend-not-on-this-system: {told}"


# --- wheels -----------------------------------------------------------------------------------


def _key(layout: Layout, name: str, arch: str = "", environ: dict[str, str] | None = None) -> str:
    build = llama.on_backend(llama.NATIVE, backends.named(name, arch))
    return llama.build_key(layout, build, environ or {}, PROCESSOR)


def test_no_wheel_is_taken_for_that_of_another_backend_or_architecture(
    setup_layout: Layout,
) -> None:
    asked = [("cpu", ""), ("cuda", ""), ("cuda", "90"), ("cuda", "86"), ("vulkan", ""),
             ("metal", ""), ("rocm", ""), ("rocm", "gfx1100")]  # fmt: skip
    keys = [_key(setup_layout, *each) for each in asked]
    keys += [llama.build_key(setup_layout, llama.PORTABLE, {}, PROCESSOR)]
    # The same switches by another way are another build all the same.
    keys += [_key(setup_layout, "cpu", environ={"CMAKE_ARGS": "-DGGML_CUDA=ON"})]
    assert len(set(keys)) == len(keys)


def test_the_processors_wheel_keeps_its_name(setup_layout: Layout) -> None:
    plain = llama.build_key(setup_layout, llama.NATIVE, {}, PROCESSOR)
    assert _key(setup_layout, "cpu") == plain
    assert _key(setup_layout, "cpu", environ={"CUDACXX": "/x", "VULKAN_SDK": "/y"}) == plain


@pytest.mark.parametrize(
    ("name", "variable"),
    [("cuda", "CUDACXX"), ("cuda", "CUDAHOSTCXX"), ("cuda", "CUDAToolkit_ROOT"),
     ("vulkan", "VULKAN_SDK"), ("rocm", "HIP_PATH"), ("rocm", "ROCM_PATH"), ("metal", "SDKROOT")],
)  # fmt: skip
def test_the_key_holds_where_the_tools_lie(setup_layout: Layout, name: str, variable: str) -> None:
    assert _key(setup_layout, name) != _key(setup_layout, name, environ={variable: "/elsewhere"})


def test_a_gpus_build_for_an_older_processor_is_another(setup_layout: Layout) -> None:
    cuda = backends.named("cuda", "90")
    build = llama.on_backend(llama.PORTABLE, cuda)
    assert "-DGGML_NATIVE=OFF" in build.switches
    assert "-DGGML_CUDA=ON" in build.switches
    key = llama.build_key(setup_layout, build, {}, PROCESSOR)
    assert key != _key(setup_layout, "cuda", "90")


# --- what is remembered -----------------------------------------------------------------------


def test_what_was_built_last_is_built_again(setup_layout: Layout) -> None:
    assert backends.chosen(setup_layout, "", "").name == "cpu"
    backends.forget_or_note(setup_layout, backends.named("cuda", "90"))
    last = backends.chosen(setup_layout, "", "")
    assert (last.name, last.arch) == ("cuda", "90")
    assert backends.chosen(setup_layout, "vulkan", "").name == "vulkan"
    backends.forget_or_note(setup_layout, backends.named("cpu"))
    assert backends.chosen(setup_layout, "", "").name == "cpu"
    assert not setup_layout.backend_choice.exists()


@pytest.mark.parametrize("text", [b"", b"\xff", b'llama = "gpu"\narch = ""\n', b"llama = 1\n"])
def test_a_damaged_note_is_told(setup_layout: Layout, text: bytes) -> None:
    setup_layout.backend_choice.write_bytes(text)
    with pytest.raises(SetupError, match=r"backend-note-damaged: .*make setup LLAMA=cpu"):
        backends.chosen(setup_layout, "", "")
    assert backends.chosen(setup_layout, "cpu", "").name == "cpu"


def test_another_backend_is_installed_and_proved_again(
    setup_module: ModuleType, setup_layout: Layout
) -> None:
    def digests(name: str) -> dict[str, str]:
        steps = setup_module.everything(setup_layout, backends.named(name))
        return {step.name: step.digest() for step in steps if step.name in {"dependencies",
                "proof", "virtual environment"}}  # fmt: skip

    (setup_layout.root / "deploy" / "locks").mkdir(exist_ok=True)
    cpu, vulkan = digests("cpu"), digests("vulkan")
    assert {name for name in cpu if cpu[name] != vulkan[name]} == {"dependencies", "proof"}
    _, step = setup_module.installation(setup_layout, backends.named("vulkan"))
    assert setup_layout.backend_choice in step.outputs


def test_the_proof_of_a_gpu_build_asks_for_the_gpu(
    setup_module: ModuleType, setup_layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    setup_layout.python.parent.mkdir(parents=True, exist_ok=True)
    setup_layout.python.write_text('#!/bin/sh\necho "asked: $4 $5"\n')
    setup_layout.python.chmod(0o755)
    for name in ("cpu", "vulkan"):
        setup_module.proof_of(setup_layout, [], backends.named(name)).do()
    assert capsys.readouterr().out == "  asked:\n  asked: --gpu-layers -1\n"


# --- tools ------------------------------------------------------------------------------------


def _refused(name: str, environ: dict[str, str], os_release: Path, arch: str = "") -> str:
    with pytest.raises(SetupError) as told:
        gpu_tools.found_tools(backends.named(name, arch), environ, os_release)
    return str(told.value)


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A path with a real compiler and no GPU's tool, and nothing at the usual places."""
    if (compiler := shutil.which("c++")) is None:
        pytest.skip("no C++ compiler here")
    tables = tomllib.loads(backends.DATA.read_text())
    for need in (need for table in tables.values() if isinstance(table, dict)
                 for need in table.get("needs", ())):  # fmt: skip
        need.pop("folders", None)
    monkeypatch.setattr(backends, "_tables", lambda: {
        name: table for name, table in tables.items() if isinstance(table, dict)})  # fmt: skip
    empty = tmp_path / "empty"
    empty.mkdir()
    return {"PATH": str(empty), "CXX": compiler}


@pytest.mark.parametrize(
    ("name", "missing", "package"),
    [
        ("cuda", "nvcc was not found", "apt-get install nvidia-cuda-toolkit"),
        ("vulkan", "glslc was not found", "apt-get install glslc"),
        ("rocm", "hipconfig was not found", "apt-get install hipcc"),
    ],
)
def test_a_missing_tool_is_named_with_its_package(
    nothing: dict[str, str], debian: Path, name: str, missing: str, package: str
) -> None:
    told = _refused(name, nothing, debian)
    assert told.startswith("gpu-tool-missing: ")
    assert missing in told
    assert package in told


def test_a_system_that_we_do_not_know_hears_what_it_needs(
    nothing: dict[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("ID=unheard-of\n")
    told = _refused("vulkan", nothing, other)
    assert "Install it" not in told
    assert told.endswith("It belongs to shaderc and to the Vulkan SDK.")


def test_a_compiler_that_is_named_and_not_there_is_told(
    nothing: dict[str, str], debian: Path
) -> None:
    told = _refused("cuda", {**nothing, "CUDACXX": "/opt/old/nvcc"}, debian)
    assert "nvcc was not found at /opt/old/nvcc" in told


@pytest.mark.parametrize(
    ("tool", "said", "code", "told"),
    [
        ("nvcc", "Cuda compilation tools, release 11.6, V11.6.124", "gpu-tool-too-old",
         "is 11.6, and llama.cpp needs 11.7 or later"),
        ("nvcc", "Cuda compilation tools, release 9.2, V9.2.88", "gpu-tool-too-old", "is 9.2"),
        ("nvcc", "no such thing", "gpu-tool-broken", "does not tell its version (no such thing)"),
        ("hipconfig", "5.2.21153-0", "gpu-tool-too-old",
         "is 5.2, and llama.cpp needs 6.1 or later"),
        ("hipconfig", "6.0.32831", "gpu-tool-too-old", "is 6.0"),
    ],
)  # fmt: skip
def test_a_tool_that_is_too_old_or_silent_is_told(
    nothing: dict[str, str], debian: Path, script: Script,
    tool: str, said: str, code: str, told: str,
) -> None:  # fmt: skip
    path = script(tool, f'echo "{said}"')
    name = "cuda" if tool == "nvcc" else "rocm"
    message = _refused(name, {**nothing, "PATH": str(path.parent)}, debian)
    assert message.startswith(f"{code}: ")
    assert told in message


def _cuda(script: Script, compiles: str = "exit 0") -> Path:
    """A CUDA Toolkit with its version, and cuBLAS beside it."""
    answer = 'case "$1" in --version) echo "release 11.7, V11.7.99";; '
    answer += f"--list-gpu-arch) echo compute_75; echo compute_100;; *) {compiles};; esac"
    nvcc = script("nvcc", answer)
    (nvcc.parents[1] / "include").mkdir()
    for header in ("cublas_v2.h", "cuda.h"):
        (nvcc.parents[1] / "include" / header).touch()
    _library(nvcc.parents[1] / "lib64" / "stubs", "cuda")
    return nvcc


def _library(folder: Path, name: str) -> None:
    """A library that the linker takes: an empty one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"lib{name}.so").write_text("/* an empty linker script */\n")


def test_a_whole_cuda_toolkit_is_taken_from_where_it_lies(
    nothing: dict[str, str], debian: Path, script: Script
) -> None:
    nvcc = _cuda(script)
    _library(nvcc.parents[1] / "lib64", "cublas")
    found = gpu_tools.found_tools(
        backends.named("cuda", "90"), {**nothing, "PATH": f"{nvcc.parent}:{os.defpath}"}, debian
    )
    assert found.versions == ("nvcc release 11.7",)
    assert found.variables == {"CUDACXX": str(nvcc)}


def test_cublas_is_looked_for_with_its_header_and_its_library(
    nothing: dict[str, str], debian: Path, script: Script
) -> None:
    nvcc = _cuda(script)
    environ = {**nothing, "PATH": f"{nvcc.parent}:{os.defpath}"}
    assert "the linker does not find -lcublas" in _refused("cuda", environ, debian)
    _library(nvcc.parents[1] / "lib64", "cublas")
    gpu_tools.found_tools(backends.named("cuda"), environ, debian)
    (nvcc.parents[1] / "include" / "cublas_v2.h").unlink()
    told = _refused("cuda", environ, debian)
    assert told.startswith("gpu-tool-missing: this build needs cuBLAS with its headers, and the ")
    assert "does not find cublas_v2.h" in told
    assert "libcublas-dev" in told


def test_a_machine_that_only_builds_needs_a_stub_of_the_driver_or_does_without(
    nothing: dict[str, str], debian: Path, script: Script
) -> None:
    nvcc = _cuda(script)
    _library(nvcc.parents[1] / "lib64", "cublas")
    (nvcc.parents[1] / "lib64" / "stubs" / "libcuda.so").unlink()
    environ = {**nothing, "PATH": f"{nvcc.parent}:{os.defpath}"}
    if ctypes.util.find_library("cuda"):
        pytest.skip("NVIDIA's driver is here")
    told = _refused("cuda", environ, debian)
    assert "the linker does not find -lcuda" in told
    assert "CMAKE_ARGS=-DGGML_CUDA_NO_VMM=ON" in told
    environ["CMAKE_ARGS"] = "-DGGML_CUDA_NO_VMM=ON"
    gpu_tools.found_tools(backends.named("cuda"), environ, debian)


@pytest.mark.parametrize(
    ("complains", "code", "told"),
    [
        ("nvcc fatal   : Unsupported gpu architecture 'compute_50'", "arch-not-supported",
         "does not compile for LLAMA_ARCH=50 (it knows: 75, 100)"),
        ("host_config.h: error: #error -- unsupported GNU version!", "gpu-tool-broken",
         "CUDAHOSTCXX=g++-12 make setup LLAMA=cuda"),
    ],
)  # fmt: skip
def test_an_nvcc_that_compiles_nothing_is_told_with_its_reason(
    nothing: dict[str, str], debian: Path, script: Script, complains: str, code: str, told: str
) -> None:
    nvcc = _cuda(script, f'echo "{complains}" >&2; exit 1')
    _library(nvcc.parents[1] / "lib64", "cublas")
    message = _refused("cuda", {**nothing, "PATH": f"{nvcc.parent}:{os.defpath}"}, debian, "50")
    assert message.startswith(f"{code}: ")
    assert told in message


@pytest.fixture
def sdk(tmp_path: Path, script: Script) -> Path:
    """A Vulkan SDK: glslc, headers and the loader."""
    script("glslc", "echo shaderc v2025.2")
    root = tmp_path / "tools"
    for header in ("vulkan/vulkan_core.h", "vulkan/vulkan.hpp", "spirv/unified1/spirv.hpp"):
        path = root / "include" / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#define VK_EXT_layer_settings 1\n")
    _library(root / "lib", "vulkan")
    return root


def _include_only(sdk: Path, nothing: dict[str, str]) -> dict[str, str]:
    """The SDK's headers and none of this machine's own."""
    bare = sdk / "bin" / "bare-c++"
    bare.write_text(f'#!/bin/sh\nexec {nothing["CXX"]} -nostdinc "$@"\n')
    bare.chmod(0o755)
    return {"PATH": f"{sdk}/bin:{os.defpath}", "CXX": str(bare), "VULKAN_SDK": str(sdk)}


def test_a_vulkan_sdk_is_found_where_it_lies(
    nothing: dict[str, str], debian: Path, sdk: Path
) -> None:
    environ = _include_only(sdk, nothing)
    found = gpu_tools.found_tools(backends.named("vulkan"), environ, debian)
    assert found.versions == ("shaderc v2025.2",)


@pytest.mark.parametrize(
    ("spoils", "told", "package"),
    [
        (lambda sdk: (sdk / "include/vulkan/vulkan.hpp").unlink(),
         "the compiler does not find vulkan/vulkan.hpp", "apt-get install libvulkan-dev"),
        (lambda sdk: (sdk / "include/vulkan/vulkan_core.h").write_text("#define VK_VERSION_1_3 1"),
         "the headers are too old: they do not know VK_EXT_layer_settings", "1.3.272 or later"),
        (lambda sdk: (sdk / "include/spirv/unified1/spirv.hpp").unlink(),
         "the compiler does not find spirv/unified1/spirv.hpp", "apt-get install spirv-headers"),
    ],
    ids=["no C++ headers", "headers of Debian 12", "no SPIR-V headers"],
)  # fmt: skip
def test_vulkans_headers_are_looked_for(
    nothing: dict[str, str], debian: Path, sdk: Path,
    spoils: Callable[[Path], object], told: str, package: str,
) -> None:  # fmt: skip
    spoils(sdk)
    message = _refused("vulkan", _include_only(sdk, nothing), debian)
    assert message.startswith("gpu-tool-missing: this build needs ")
    assert told in message
    assert package in message


def test_amds_places_are_told_to_cmake(
    nothing: dict[str, str], debian: Path, script: Script
) -> None:
    tool = script("hipconfig", 'case $1 in -l) echo /opt/rocm/lib/llvm/bin;; -R) echo /opt/rocm;; '
                  '*) echo 6.1.40091;; esac')  # fmt: skip
    for header in ("hipblas/hipblas.h", "rocblas/rocblas.h"):
        path = tool.parents[1] / "include" / header
        path.parent.mkdir(parents=True)
        path.touch()
    environ = {**nothing, "PATH": f"{tool.parent}:{os.defpath}"}
    found = gpu_tools.found_tools(backends.named("rocm"), environ, debian)
    assert found.variables == {"HIPCXX": "/opt/rocm/lib/llvm/bin/clang", "HIP_PATH": "/opt/rocm"}
    (tool.parents[1] / "include/rocblas/rocblas.h").unlink()
    assert "does not find rocblas/rocblas.h" in _refused("rocm", environ, debian)


def test_nothing_is_compiled_before_the_tools_are_there(
    setup_layout: Layout, nothing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "require_compilers", lambda environ: None)
    build = llama.on_backend(llama.NATIVE, backends.named("vulkan"))
    with pytest.raises(SetupError, match="gpu-tool-missing"):
        llama.llama_wheel(setup_layout, build, nothing)
    assert not setup_layout.log.exists()
    assert list(setup_layout.cache.glob("*.part")) == []
