"""The end of an engine process in words: each signal, each stage, what matters of the processor."""

from __future__ import annotations

import pytest

from cds_hooks.inference.hardware.processor import features, this_processor
from cds_hooks.inference.local.process_exits import Stage, process_exit, signal_name

SIGNALS = [
    # exit status, name, native, what it means, a word of what to try
    (
        -11,
        "SIGSEGV",
        True,
        "a memory fault or an instruction that the processor refused",
        "portable`",
    ),
    (-4, "SIGILL", True, "an instruction that this processor does not have", "make setup"),
    (-7, "SIGBUS", True, "a file that became shorter, or a disk that failed", "model's file"),
    (-6, "SIGABRT", True, "llama.cpp ended itself at a check of its own", "models check"),
    (-8, "SIGFPE", True, "an impossible arithmetic operation", "make portable"),
    (-5, "SIGTRAP", True, "llama.cpp ended itself at a check of its own", "models check"),
    (
        -31,
        "SIGSYS",
        True,
        "a system call that the confinement refuses",
        "docs/reviewers/confinement.md",
    ),
    (-9, "SIGKILL", False, "probably out of memory", "smaller model"),
    (-15, "SIGTERM", False, "somebody ended it", "ends processes"),
    (-24, "SIGXCPU", False, "its limit of processor time", "limit"),
    (-10, "SIGUSR1", False, "a signal that is not usual", "log"),
]


@pytest.mark.parametrize(("status", "name", "native", "means", "hint"), SIGNALS)
def test_a_signal_is_told_by_its_name_and_its_meaning(
    status: int, name: str, native: bool, means: str, hint: str
) -> None:
    death = process_exit(Stage.LOADING, status, ())
    assert death.signal == name == signal_name(status)
    assert death.native is native
    assert death.message.startswith(f"The engine process ended by {name} ({means}")
    assert hint in death.hint


@pytest.mark.parametrize(
    ("stage", "code", "when"),
    [
        (Stage.LOADING, "engine-died-loading", "while it loaded"),
        (Stage.FIRST_DECODE, "engine-died-first-decode", "at its first decode"),
        (Stage.REQUEST, "engine-died-on-request", "on a request"),
        (Stage.IDLE, "engine-died", "while nothing was asked"),
    ],
)
def test_each_stage_has_its_code(stage: Stage, code: str, when: str) -> None:
    death = process_exit(stage, -11, ("avx2",))
    assert death.code == code
    assert death.message.endswith(f" {when}; processor: avx2")


@pytest.mark.parametrize(
    ("status", "name"), [(0, ""), (3, ""), (None, ""), (-11, "SIGSEGV"), (-99, "signal 99")]
)
def test_only_a_negative_exit_status_is_a_signal(status: int | None, name: str) -> None:
    assert signal_name(status) == name


def test_an_end_without_a_signal_is_told_by_its_exit_status() -> None:
    death = process_exit(Stage.LOADING, 7, ("avx2",))
    assert death.message == "The engine process ended (exit status 7) while it loaded"
    assert (death.signal, death.native) == ("", False)


def test_what_the_service_ended_itself_is_not_told_as_a_lack_of_memory() -> None:
    death = process_exit(Stage.REQUEST, -9, (), why="it did not obey")
    assert death.message == "The engine process ended (it did not obey) on a request"
    assert "memory" not in death.says


@pytest.mark.parametrize(
    ("stage", "status", "has", "known"),
    [
        (Stage.FIRST_DECODE, -11, ("amx_tile", "avx2"), True),
        (Stage.REQUEST, -11, ("amx_tile",), True),
        (Stage.LOADING, -11, ("amx_tile",), False),
        (Stage.FIRST_DECODE, -4, ("amx_tile",), False),
        (Stage.FIRST_DECODE, -11, ("avx2",), False),
    ],
)
def test_the_known_fault_of_amx_is_named_where_it_fits(
    stage: Stage, status: int, has: tuple[str, ...], known: bool
) -> None:
    assert ("#20824" in process_exit(stage, status, has).hint) is known


INTEL = (
    "processor\t: 0\nflags\t\t: fpu sse sse4_2 avx avx2 fma avx512f amx_bf16 amx_tile amx_int8\n"
)
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd asimddp sve i8mm bf16\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (INTEL, ("amx_tile", "amx_int8", "amx_bf16", "avx512f", "avx2", "avx", "fma", "sse4_2")),
        (ARM, ("sve", "i8mm", "bf16", "asimddp", "asimd")),
        ("flags : fpu vme\n", ()),
        ("model name: flags avx2\n", ()),
        ("", ()),
    ],
)
def test_the_features_that_matter_are_read(text: str, expected: tuple[str, ...]) -> None:
    assert features(text) == expected


def test_a_machine_that_does_not_tell_has_none(tmp_path) -> None:
    assert this_processor(tmp_path / "none") == ()
