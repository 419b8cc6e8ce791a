"""Which tests call which function: the tests that may notice a change to it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType

import pytest

from tests.mutate.forked import OPTIONS, keep_terminology, run_forked

__all__ = ["Calls", "digest", "traced"]


@dataclass(frozen=True, slots=True)
class Calls:
    """Tests by the function that they call ("path::Class.method"), and each one's seconds."""

    called: dict[str, set[str]]
    seconds: dict[str, float]

    def tests(self, path: str, where: str, at_most_seconds: float) -> list[str]:
        """The tests that call a function, the quickest first, then those that call its module (what
        is cached or computed at import is called by few or none; of a module without functions all
        tests), as many as the time allows. Those of a file stay together, as in an ordinary run."""
        inside = f"{path}::{where}"
        first = self._calling(lambda name: name == inside or name.startswith(f"{inside}."))
        module = self._calling(lambda name: name.startswith(f"{path}::"))
        rest = (module or set(self.seconds)) - first
        chosen, spent = [], 0.0
        for tests in (first, rest):
            for test in sorted(tests, key=self.seconds.__getitem__):
                spent += self.seconds[test]
                if spent <= at_most_seconds:
                    chosen.append(test)
        files = {test.partition("::")[0]: None for test in chosen}
        return [t for file in files for t in chosen if t.startswith(f"{file}::")]

    def are_known(self, path: str, where: str) -> bool:
        """Whether a test calls the function."""
        return f"{path}::{where}" in self.called

    def _calling(self, is_meant: Callable[[str], bool]) -> set[str]:
        return {test for name, tests in self.called.items() if is_meant(name) for test in tests}


def traced(tests: tuple[Path, ...], sources: tuple[Path, ...], build: Path) -> Calls:
    """The calls of test files to sources; only files that changed since the last time run again.

    A test that fails without a mutant is left out and named in the log beside the calls."""
    found = Calls({}, {})
    for path in tests:
        output = build / "calls" / f"{'-'.join(path.parts)}-{digest(path)}.json"
        if not output.exists():
            print(f"tracing {path}", flush=True)
            output.parent.mkdir(parents=True, exist_ok=True)
            under = tuple(sorted({f"{source.parent}/" for source in sources}))
            run = functools.partial(_trace, path, under, build / "terminology", output)
            log = output.with_suffix(".log")
            if run_forked(run, log, 1200) not in (0, 1, 5):
                output.unlink(missing_ok=True)
                sys.exit(f"{path} cannot be run as it is: see {log}")
        kept = json.loads(output.read_text())
        found.seconds.update(kept["seconds"])
        for name, ids in kept["called"].items():
            found.called.setdefault(name, set()).update(ids)
    return found


def digest(*paths: Path) -> str:
    """A short digest of the files' bytes."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def _trace(path: Path, under: tuple[str, ...], kept: Path, output: Path) -> int:
    tracer = _Tracer(under)
    keep_terminology(kept)
    code = int(pytest.main([*OPTIONS, "--tb=short", str(path)], plugins=[tracer]))
    called = {name: sorted(tests - tracer.failed) for name, tests in tracer.called.items()}
    output.write_text(json.dumps({"called": called, "seconds": tracer.seconds}))
    return code


class _Tracer:
    def __init__(self, under: tuple[str, ...]) -> None:
        self._under, self._now = under, ""
        self.called: dict[str, set[str]] = defaultdict(set)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self._known: dict[CodeType, str] = {}

    def _profile(self, frame: FrameType, event: str, arg: object) -> None:
        if event == "call":
            code = frame.f_code
            name = self._known.get(code)
            if name is None:
                name = self._known[code] = self._named(code)
            if name:
                self.called[name].add(self._now)

    def _named(self, code: CodeType) -> str:
        if not Path(code.co_filename).is_absolute():
            return ""
        path = os.path.relpath(code.co_filename)
        inside = path.startswith(self._under)
        return f"{path}::{code.co_qualname.replace('.<locals>', '')}" if inside else ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._now, start = item.nodeid, time.process_time()
        sys.setprofile(self._profile)
        threading.setprofile(self._profile)
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
            self.seconds[item.nodeid] = time.process_time() - start
