"""Whether the tests notice mutants: quickly, in forks of a process that has collected them."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from types import CodeType

import pytest

from tests.mutate.forked import (
    OPTIONS,
    TIMED_OUT,
    Loop,
    Patcher,
    failing,
    keep_terminology,
    replace,
    run_forked,
    warm,
)
from tests.mutate.mutants import Mutant, changed
from tests.mutate.tracing import Calls, digest

__all__ = ["judge_all"]

TESTS_SECONDS = 8.0
LONGEST = 60 + 10 * TESTS_SECONDS


def judge_all(
    chosen: list[Mutant], sources: tuple[Path, ...], calls: Calls, build: Path
) -> dict[str, str]:
    """For each mutant's id "killed", "timeout" (killed as well: a loop without end) or "survived".

    Results of an earlier run stand while the module and, for survivors, its tests are the same.
    """
    kept = Kept(build / "results", calls)
    quick = [m for m in chosen if not kept.result(m) and not m.at_import and kept.tests(m)]
    warm_up = functools.partial(_judge_warm, quick, sources, kept, build)
    if quick and run_forked(warm_up, None, 7 * 86400):
        sys.exit("the tests cannot be used as they are")
    for mutant in chosen:
        if not kept.result(mutant):
            kept.keep(mutant, *_judge_cold(mutant, kept, build))
    return {m.id: kept.result(m) for m in chosen}


class Kept:
    """Results by mutant, in files: an interrupted run goes on where it was."""

    def __init__(self, folder: Path, calls: Calls) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.calls = folder, calls

    def result(self, mutant: Mutant) -> str:
        """What is known of a mutant, or ''."""
        path = self._path(mutant)
        known = json.loads(path.read_text()) if path.exists() else {}
        if known.get("source") != digest(Path(mutant.path)):
            return ""
        valid = known["result"] != "survived" or known["tests"] == self._digest(mutant)
        return str(known["result"]) if valid else ""

    def keep(self, mutant: Mutant, result: str, seconds: float) -> None:
        """Write down a result and print it."""
        source, tests = digest(Path(mutant.path)), self._digest(mutant)
        row = {"id": mutant.id, "source": source, "tests": tests, "result": result}
        self._path(mutant).write_text(json.dumps(row))
        print(f"{result:8} {seconds:5.1f} s  {mutant.id}", flush=True)

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that may notice it."""
        return self.calls.tests(mutant.path, mutant.where, TESTS_SECONDS)

    def _path(self, mutant: Mutant) -> Path:
        return self.folder / hashlib.sha256(mutant.id.encode()).hexdigest()[:24]

    def _digest(self, mutant: Mutant) -> str:
        return digest(*_files(self.tests(mutant)))


def _files(tests: list[str]) -> list[Path]:
    return sorted({Path(test.partition("::")[0]) for test in tests})


def _judge_warm(quick: list[Mutant], sources: tuple[Path, ...], kept: Kept, build: Path) -> int:
    """Collect the tests once; a survivor that no test calls itself stays open, since it may be
    called at import."""

    def each(items: dict[str, pytest.Item]) -> None:
        warm()
        patcher = Patcher(sources)
        wanted = {test for mutant in quick for test in kept.tests(mutant)}
        items = {name: item for name, item in items.items() if name in wanted}
        gone = _failing_unchanged(items, patcher, {m.path for m in quick}, build)
        items = {name: item for name, item in items.items() if name not in gone}
        for mutant in quick:
            start, tests = time.monotonic(), set(kept.tests(mutant))
            own = [item for name, item in items.items() if name in tests]
            result = _judge_among(mutant, own, patcher, build)
            if result != "survived" or kept.calls.are_known(mutant.path, mutant.where):
                kept.keep(mutant, result, time.monotonic() - start)

    keep_terminology(build / "terminology")
    files = sorted({file for mutant in quick for file in _files(kept.tests(mutant))})
    return int(pytest.main([*OPTIONS, "-s", *map(str, files)], plugins=[Loop(each)]))


Items = list[pytest.Item]


def _judge_among(mutant: Mutant, own: Items, patcher: Patcher, build: Path) -> str:
    """By these tests, in the order of an ordinary run. A kill counts where the same tests up to
    the one that failed pass with the code unchanged."""
    path, output = Path(mutant.path), build / f"failed-{os.getpid()}"
    unchanged = compile(path.read_text("utf-8"), str(path.resolve()), "exec")

    def run(code: CodeType, items: Items) -> int:
        patcher.patch(path, code)
        found = next(failing(items), "")
        output.write_text(found)
        return int(bool(found))

    log = output.with_suffix(".log")
    status = run_forked(lambda: run(_compiled(mutant), own), log, LONGEST)
    if status != 1:
        return _named(status)
    names = [item.nodeid for item in own]
    before = own[: names.index(output.read_text()) + 1]
    return "survived" if run_forked(lambda: run(unchanged, before), log, LONGEST) else "killed"


def _failing_unchanged(
    items: dict[str, pytest.Item], patcher: Patcher, paths: set[str], build: Path
) -> set[str]:
    """The tests that fail in a fork with the same code put in place of itself."""
    output = build / f"control-{os.getpid()}.json"

    def run() -> int:
        for path in map(Path, paths):
            patcher.patch(path, compile(path.read_text("utf-8"), str(path.resolve()), "exec"))
        output.write_text(json.dumps(list(failing(list(items.values())))))
        return 0

    if run_forked(run, output.with_suffix(".log"), 1800):
        pytest.exit(f"the tests do not end: see {output.with_suffix('.log')}", returncode=2)
    return set(json.loads(output.read_text()))


def _judge_cold(mutant: Mutant, kept: Kept, build: Path) -> tuple[str, float]:
    """In a process that imports the project with the mutant in it, by the tests that pass in one
    that imports it unchanged."""
    path, tests, start = Path(mutant.path), kept.tests(mutant), time.monotonic()
    unchanged = compile(path.read_text("utf-8"), str(path.resolve()), "exec")
    gone = _fails_cold(path, unchanged, tests, build) if tests else []
    if gone is None:
        sys.exit(f"the tests of {path} do not end")
    left = [test for test in tests if test not in gone]
    failed = _fails_cold(path, _compiled(mutant), left, build) if left else []
    result = "timeout" if failed is None else "killed" if failed else "survived"
    return result, time.monotonic() - start


def _fails_cold(path: Path, code: CodeType, tests: list[str], build: Path) -> list[str] | None:
    """The tests that fail with this code in place of a module; all if it cannot be imported, None
    if they do not end."""
    output = build / f"cold-{os.getpid()}.json"
    output.write_text(json.dumps(tests))

    def each(items: dict[str, pytest.Item]) -> None:
        found = list(failing([items[test] for test in tests if test in items]))
        output.write_text(json.dumps(found))

    def run() -> int:
        replace(path, code)
        keep_terminology(build / "terminology")
        pytest.main([*OPTIONS, "-s", *map(str, _files(tests))], plugins=[Loop(each)])
        return 0

    status = run_forked(run, output.with_suffix(".log"), LONGEST)
    return None if status == TIMED_OUT else json.loads(output.read_text())


def _compiled(mutant: Mutant) -> CodeType:
    path = Path(mutant.path)
    tree = changed(path.read_text("utf-8"), mutant)
    return compile(tree, str(path.resolve()), "exec")


def _named(status: int) -> str:
    return {0: "survived", TIMED_OUT: "timeout"}.get(status, "killed")
