"""Whoever reads a command's output may stop at any moment (`chartside ... | head -1`)."""

from __future__ import annotations

import contextlib
import fcntl
import io
import itertools
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cds_hooks.cli import application
from tests.ledger.verifying import make_ledger

ABANDONED = 1
NUMBERS = itertools.count()


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if not hasattr(command, "list_commands"):
        yield path
        return
    context = command.make_context("chartside", [], resilient_parsing=True)
    for name in command.list_commands(context):
        yield from _leaves(command.get_command(context, name), (*path, name))


COMMANDS = [" ".join(path) for path in _leaves(typer.main.get_command(application.app))]

# Commands that print without a service, a model or minutes of work. {site} is a folder with a
# store, {new} a name in it that is free.
PRINTING = (
    "discovery",
    "completion bash",
    "models list",
    "eval suites",
    "doctor settings --config {site}/s.toml",
    "doctor keys --config {site}/s.toml",
    "doctor ports --config {site}/s.toml",
    "doctor egress --config {site}/s.toml",
    "doctor clients --config {site}/s.toml",
    "compliance check --profile hipaa --config {site}/s.toml",
    "statistics --config {site}/s.toml",
    "audit query --config {site}/s.toml",
    "audit verify --config {site}/s.toml --public-key {site}/ledger.pub",
    "audit prove 3 --config {site}/s.toml",
    "audit check {site}/s.sqlite --config {site}/s.toml",
    "audit hold list --config {site}/s.toml",
    "audit key --config {site}/s.toml",
    "audit public-key --config {site}/s.toml",
    "compliance questions --config {site}/s.toml",
    "audit export {site}/{new} --config {site}/s.toml",
    "trial plan",
    "trial decisions --config {site}/s.toml",
    "audit keygen {site}/{new}",
    "audit new-key {site}/{new}",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger whose records fill more than a pipe."""
    folder = tmp_path_factory.mktemp("site")
    make_ledger(folder)
    (folder / "s.toml").write_text(
        f'[store]\npath = "{folder}/s.sqlite"\nsite_key = "{folder}/site.key"\n'
    )
    return folder


class Pipe:
    """A pipe whose reader takes so many lines, and then nothing more."""

    def __init__(self, lines: int) -> None:
        reading, writing = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # so that a long output never fits into it
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        self.writer = io.TextIOWrapper(os.fdopen(writing, "wb"), encoding="utf-8")
        self._reading = os.fdopen(reading, "rb", buffering=0)
        self.taken = b""
        if not lines:
            self._reading.close()
        self._thread = threading.Thread(target=self._read, args=(lines,))
        self._thread.start()

    def _read(self, lines: int) -> None:
        while self.taken.count(b"\n") < lines and (more := self._reading.read(1)):
            self.taken += more
        self._reading.close()

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # what waited in it
            self.writer.close()
        self._thread.join()


def run(command: list[str], monkeypatch: pytest.MonkeyPatch, pipe: Pipe, *, both: bool) -> Any:
    """Exit status of a command that writes into the pipe, and what it says beside it."""
    said = io.StringIO()
    monkeypatch.setattr(sys, "argv", ["chartside", *command])
    monkeypatch.setattr(sys, "stdout", pipe.writer)
    monkeypatch.setattr(sys, "stderr", pipe.writer if both else said)
    try:
        with pytest.raises(SystemExit) as ended:
            application.main()
        sys.stdout.flush()  # as Python does when it ends
    finally:
        monkeypatch.undo()
        pipe.close()
    return ended.value.code, said.getvalue()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_that_nobody_reads(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for both in (False, True):
        options = [*command.split(), "--help"]
        assert run(options, monkeypatch, Pipe(0), both=both) == (ABANDONED, "")


@pytest.mark.parametrize("command", PRINTING)
def test_output_that_nobody_reads(
    command: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for more in ([], ["--json"]):
        options = [*command.format(site=site, new=f"new-{next(NUMBERS)}").split(), *more]
        assert run(options, monkeypatch, Pipe(0), both=False) == (ABANDONED, "")


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_only_the_first_line_of_a_long_output_is_read(
    more: list[str], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = Pipe(1)
    options = ["audit", "query", "--config", f"{site}/s.toml", *more]
    assert run(options, monkeypatch, pipe, both=True) == (ABANDONED, "")
    assert pipe.taken.count(b"\n") == 1
    assert b"Traceback" not in pipe.taken


def test_an_error_that_nobody_reads_keeps_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["map", "nowhere.json"]
    code, said = run(options, monkeypatch, Pipe(0), both=False)
    assert code == application.BAD_INPUT
    assert "unreadable-file" in said
    assert run(options, monkeypatch, Pipe(0), both=True)[0] in (ABANDONED, application.BAD_INPUT)
