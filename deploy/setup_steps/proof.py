"""The proof at the end: the embedded model decodes once, in a process of its own."""

from __future__ import annotations

from setup_steps.errors import CommandFailed, SetupError
from setup_steps.layout import Layout
from setup_steps.machine import processor_features
from setup_steps.process import Words, run

__all__ = ["native_was_refused", "note_refusal", "prove"]


def prove(layout: Layout, *, on_gpu: bool = False) -> None:
    """Decode once under the confinement that the service uses; print what the proof says.

    `on_gpu` puts the whole model there; where there is no GPU, the line says so.
    Raises CommandFailed with the named cause where the engine does not run on this machine.
    """
    command: Words = [layout.python, "-m", "cds_hooks.inference.prove", layout.model]
    if on_gpu:
        command += ["--gpu-layers", "-1"]
    if layout.portable_library.exists():
        command += ["--portable", layout.portable_library]
    said = run(layout, command, explain=False).strip().splitlines()
    if said:
        print(f"  {said[-1]}", flush=True)


def native_was_refused(layout: Layout, features: str | None = None) -> bool:
    """Whether a native build died by SIGILL on a processor with the features of this one."""
    try:
        noted = layout.portable_choice.read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return noted == _note(features or processor_features())


def note_refusal(layout: Layout, error: CommandFailed, features: str | None = None) -> None:
    """Note that this processor refused the native build: from now on the portable one is used.

    Raises SetupError if it is the portable build that was refused.
    """
    if native_was_refused(layout, features):
        raise SetupError(
            f"{error}\nillegal-instruction: this processor refuses an instruction of the portable "
            "build too. Report it with the processor's features (/proc/cpuinfo)."
        ) from error
    note = _note(features or processor_features())
    layout.portable_choice.write_text(note, encoding="utf-8")


def _note(features: str) -> str:
    return (
        "A program of the native build was ended by SIGILL on a processor with these features, so\n"
        "set-up installs the portable build of llama.cpp here. Remove this file and run set-up to\n"
        f"try the native build again.\n{features}\n"
    )
