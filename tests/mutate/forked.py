"""pytest in a forked process, with one mutant in place, or with calls traced.

Nothing is written into the working tree. The parent has imported the project and its tests, so that
a fork runs at once: a function is changed where it lies in memory. What is computed at import, or a
mutant that survives so, is judged in a fork of a parent that has imported libraries only.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import io
import os
import pickle
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

__all__ = [
    "OPTIONS",
    "TIMED_OUT",
    "Loop",
    "Patcher",
    "failing",
    "keep_terminology",
    "preload",
    "replace",
    "run_forked",
    "warm",
]

OPTIONS = [
    "-q",
    "--disable-warnings",
    "-p",
    "no:cacheprovider",
    "--no-header",
    "-m",
    "not model and not fhir_server",
]
TIMED_OUT = 124
_LIBRARIES = (
    "cryptography.x509", "fastapi", "fhir.resources", "httpx", "hypothesis", "jinja2",
    "jsonschema_rs", "jwt", "numpy", "orjson", "pint", "pydantic", "respx", "rich.console",
    "sqlalchemy.ext.asyncio", "structlog", "typer", "ucumvert", "uvicorn",
)  # fmt: skip


def preload() -> None:
    """Import the libraries that the project imports, once for all mutants."""
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def warm() -> None:
    """Load the tables of units, which take seconds and which no mutant changes."""
    importlib.import_module("fhir_mapping").warm_units()


def run_forked(run: Callable[[], int], log: Path | None, seconds: float) -> int:
    """What `run` returns in a forked process, with its output in `log`; TIMED_OUT if it took
    longer, and -n for signal n."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _in_child(run, log)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _end_group(pid)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _end_group(pid)
    os.waitpid(pid, 0)
    return TIMED_OUT


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _in_child(run: Callable[[], int], log: Path | None) -> None:
    code = 70
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if log is not None:
            _write_to(log)
        code = int(run())
    except BaseException as exc:
        print("ended by", type(exc).__name__, exc)
    finally:
        os._exit(code)


def _write_to(log: Path) -> None:
    told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(told, 1)
    os.dup2(told, 2)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), write_through=True)
    sys.stderr = sys.stdout


class _Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from changed code, everything else as ever."""

    def __init__(self, path: Path, code: CodeType) -> None:
        self._name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        self._path, self._code = path, code

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, origin=str(self._path.resolve()))
        spec.has_location = True
        if self._path.name == "__init__.py":
            spec.submodule_search_locations = [str(self._path.resolve().parent)]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def replace(path: Path, code: CodeType) -> None:
    """Have the module, which is not imported yet, loaded from this code."""
    sys.meta_path.insert(0, _Replaced(path, code))


class Patcher:
    """Changes functions of some sources where they lie in memory, and empties their caches. What
    was computed at import stays as it is."""

    def __init__(self, sources: tuple[Path, ...]) -> None:
        places = {str(path.resolve()) for path in sources}
        functions = [one for one in gc.get_objects() if isinstance(one, FunctionType)]
        caches = [one for one in gc.get_objects() if isinstance(one, functools._lru_cache_wrapper)]
        self._functions = [one for one in functions if one.__code__.co_filename in places]
        self._caches = [
            one
            for one in caches
            if isinstance(one.__wrapped__, FunctionType)
            and one.__wrapped__.__code__.co_filename in places
        ]

    def patch(self, path: Path, code: CodeType) -> None:
        """Give the functions of a module the code of the same functions in `code`."""
        new, place = _functions(code), str(path.resolve())
        for one in self._functions:
            if one.__code__.co_filename == place:
                key = (one.__code__.co_qualname, one.__code__.co_firstlineno)
                other = new.get(key)
                if other is not None and other.co_freevars == one.__code__.co_freevars:
                    one.__code__ = other
        for cache in self._caches:
            cache.cache_clear()


def _functions(code: CodeType) -> dict[tuple[str, int], CodeType]:
    found = {}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found[inner.co_qualname, inner.co_firstlineno] = inner
            found |= _functions(inner)
    return found


class Loop:
    """A pytest plugin that calls `run` with the collected tests by their ids, instead of running
    them."""

    def __init__(self, run: Callable[[dict[str, pytest.Item]], None]) -> None:
        self._run = run

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._run({item.nodeid: item for item in session.items})
        return True


def failing(items: list[pytest.Item]) -> Iterator[str]:
    """The ids of tests that fail or cannot be set up, as they are found."""
    for item, after in zip(items, [*items[1:], None], strict=True):
        for report in runtestprotocol(item, nextitem=after, log=False):
            if report.failed:
                print(item.nodeid, report.when, report.longreprtext, flush=True)
                yield item.nodeid
                break


def keep_terminology(kept: Path) -> None:
    """Compile the terminology that the tests of plausibility use once, not once a mutant."""
    module = importlib.import_module("cds_hooks.plausibility.terminology.compiler.compile")
    compile_anew = module.compile_terminology

    def compile_once(wheels: Path, database: Path, names: Path, tell: Any = None) -> Any:
        told: list[str] = []
        if not (kept / "report").exists():
            kept.mkdir(parents=True, exist_ok=True)
            report = compile_anew(wheels, kept / "database", kept / "names", told.append)
            (kept / "report").write_bytes(pickle.dumps((report, told)))
        report, told = pickle.loads((kept / "report").read_bytes())
        shutil.copy(kept / "database", database)
        shutil.copy(kept / "names", names)
        for line in told if tell else ():
            tell(line)
        return report

    module.compile_terminology = compile_once
