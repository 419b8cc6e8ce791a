"""Whatever ends a set-up early, the next one goes on; two at once wait for each other."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from setup_steps.layout import Layout
from setup_steps.process import run
from setup_steps.steps import Step, perform

CHILD = Path(__file__).with_name("interrupted_setup.py")
STEPS = [
    "virtual environment", "dependencies", "data packages", "embedded model",
    "model in a faster format", "terminology", "proof",
]  # fmt: skip
WHOLE = "first half, second half"


def _set_up(layout: Layout, *killed: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHILD), str(layout.root), str(layout.cache), *killed]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _did(output: str) -> list[str]:
    return re.findall(r"(?m)^did (.*)$", output)


def test_the_steps_are_these(setup_module: ModuleType, setup_layout: Layout) -> None:
    assert [step.name for step in setup_module.everything(setup_layout)] == STEPS


@pytest.mark.parametrize("killed", STEPS)
def test_a_set_up_killed_at_any_step_goes_on_with_that_step(
    setup_layout: Layout, killed: str
) -> None:
    place = STEPS.index(killed)
    first = _set_up(setup_layout, killed)
    assert first.returncode == -signal.SIGKILL
    assert _did(first.stdout) == STEPS[:place]
    second = _set_up(setup_layout)
    assert second.returncode == 0, second.stderr
    assert _did(second.stdout) == STEPS[place:]
    for path in (setup_layout.python, setup_layout.program, setup_layout.model,
                 setup_layout.terminology, setup_layout.names):  # fmt: skip
        assert path.read_text() == WHOLE
    assert setup_layout.packaged_model.stat().st_size == 200_000
    assert (setup_layout.cache / "key" / "llama.whl").read_text() == WHOLE
    assert _did(_set_up(setup_layout).stdout) == []


def test_a_step_that_was_cut_off_is_cleaned_up_before_it_is_done_again(tmp_path: Path) -> None:
    said: list[str] = []

    def fail() -> None:
        said.append("failed")
        raise OSError

    step = Step("one", fail, clean=lambda: said.append("cleaned"))
    with pytest.raises(OSError):
        perform(step, tmp_path)
    with pytest.raises(OSError):
        perform(step, tmp_path)
    done = Step("one", lambda: said.append("done"), clean=lambda: said.append("cleaned"))
    assert perform(done, tmp_path)
    assert not perform(done, tmp_path)
    assert said == ["failed", "cleaned", "failed", "cleaned", "done"]


@pytest.mark.parametrize("spoil", ["output", "stamp", "input", "fact"])
def test_a_step_is_done_again_when_what_it_depends_on_changed(tmp_path: Path, spoil: str) -> None:
    read, made = tmp_path / "read", tmp_path / "made"
    read.write_text("1")

    def step(fact: str) -> Step:
        return Step("one", made.touch, [read], [made], [fact])

    assert perform(step("a"), tmp_path)
    assert not perform(step("a"), tmp_path)
    match spoil:
        case "output":
            made.unlink()
        case "stamp":
            (tmp_path / "one").write_bytes((tmp_path / "one").read_bytes()[:30])
        case "input":
            read.write_text("2")
    assert perform(step("b" if spoil == "fact" else "a"), tmp_path)


def test_two_set_ups_at_once_do_each_step_once(setup_layout: Layout) -> None:
    command = [sys.executable, str(CHILD), str(setup_layout.root), str(setup_layout.cache)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted(_did("".join(said))) == sorted(STEPS)


HOLDER = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from setup_steps.locking import only_one
with only_one(Path(sys.argv[2]), "Another set-up works in this checkout"):
    print("mine", flush=True); sys.stdin.read()
"""


def test_the_second_says_whom_it_waits_for_and_a_killed_holder_blocks_nobody(
    tmp_path: Path,
) -> None:
    deploy = str(CHILD.parents[2] / "deploy")
    command = [sys.executable, "-c", HOLDER, deploy, str(tmp_path / "lock")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:  # type: ignore[call-overload]
        assert first.stdout.readline() == "mine\n"
        with subprocess.Popen(command, **pipes) as second:  # type: ignore[call-overload]
            waits = second.stdout.readline()
            assert waits.startswith("Another set-up works in this checkout (process ")
            assert f"process {first.pid})" in waits
            first.kill()
            assert second.stdout.readline() == "mine\n"
            second.stdin.close()
            assert second.wait(20) == 0


PARENT = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from setup_steps.layout import Layout
from setup_steps.process import run
layout = Layout(Path(sys.argv[2]), Path(sys.argv[2]))
layout.build.mkdir()
code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
run(layout, [sys.executable, "-c", code], lambda line: line)
"""


def test_what_a_killed_set_up_started_ends_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(CHILD.parents[2] / "deploy"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = Path("/proc") / parent.stdout.readline().strip() / "stat"
        assert child.exists()
        parent.kill()
    ends = time.monotonic() + 30
    while child.exists() and child.read_text().split()[2] != "Z" and time.monotonic() < ends:
        time.sleep(0.05)
    assert not child.exists() or child.read_text().split()[2] == "Z"


def test_the_log_holds_the_command_and_what_it_said(setup_layout: Layout) -> None:
    said = run(setup_layout, [sys.executable, "-c", "print('one'); print('two')"])
    assert said == "one\ntwo\n"
    assert setup_layout.log.read_text().endswith("print('two')\none\ntwo\n")
