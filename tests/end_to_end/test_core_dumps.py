"""Neither process that holds charts leaves a core dump, however it dies."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.production import Site

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.model]


def _unlimited() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _dies(folder: Path, *first: str) -> int:
    """The wait status of a Python process that may dump, does these things, and aborts."""
    code = "\n".join([*first, "import os", "os.abort()"])
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, preexec_fn=_unlimited,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert os.WTERMSIG(status) == signal.SIGABRT
    return status


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder; skips where this machine dumps nothing at all, which would show nothing."""
    folder = tmp_path_factory.mktemp("control")
    try:
        dumped = os.WCOREDUMP(_dies(folder))
    except subprocess.SubprocessError:
        pytest.skip("the limit of core dumps cannot be raised here")
    if not dumped:
        pytest.skip("this machine makes no core dumps")
    return folder


FORBID = "from cds_hooks.core_dumps import forbid_dumps", "forbid_dumps()"
NO_LIMIT = "import resource", "resource.setrlimit = lambda *_: None"
CONFINED = "from cds_hooks.inference.worker.sandbox.confinement import confine", "confine({})"


@pytest.mark.parametrize("first", [FORBID, CONFINED], ids=["the service's way", "the engine's"])
def test_what_forbids_dumps_does(dumps: Path, tmp_path: Path, first: tuple[str, str]) -> None:
    assert not os.WCOREDUMP(_dies(tmp_path, *first))
    assert list(tmp_path.iterdir()) == []


def test_it_does_not_rest_on_the_limit_which_a_program_for_dumps_is_not_held_to(
    dumps: Path, tmp_path: Path
) -> None:
    assert not os.WCOREDUMP(_dies(tmp_path, *NO_LIMIT, *FORBID))


@pytest.mark.slow
def test_neither_process_of_a_running_service_dumps(dumps: Path, tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.admit()
    with site.running(limits="-c unlimited") as service:
        service.until_ready()
        both = [psutil.Process(service.process.pid)]
        both += [each for each in both[0].children() if "worker" in " ".join(each.cmdline())]
        assert len(both) == 2
        for process in both:
            assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        both[1].send_signal(signal.SIGABRT)
        service.wait_for(lambda: not both[1].is_running(), 120)
        service.process.send_signal(signal.SIGABRT)
        _, status = os.waitpid(service.process.pid, 0)
        service.process.returncode = os.waitstatus_to_exitcode(status)
        assert os.WTERMSIG(status) == signal.SIGABRT
        assert not os.WCOREDUMP(status)
    assert not [each for each in ROOT.glob("core*") if each.is_file()]
