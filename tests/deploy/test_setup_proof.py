"""The proof at the end of a set-up, and what follows where a processor refuses an instruction."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from setup_steps import machine, proof
from setup_steps.backends import Choice
from setup_steps.errors import CommandFailed, SetupError
from setup_steps.layout import Layout
from setup_steps.steps import Step

ROOT = Path(__file__).resolve().parents[2]


def _engine(layout: Layout, text: str) -> None:
    """A program in the place of the environment's Python."""
    layout.python.parent.mkdir(parents=True, exist_ok=True)
    layout.python.write_text(f"#!/bin/sh\n{text}\n")
    layout.python.chmod(0o755)


@pytest.fixture
def installed(tmp_path: Path) -> Layout:
    """This checkout's environment and model, with a build folder of the test's own."""
    own, real = Layout(tmp_path / "checkout", tmp_path), Layout(ROOT, tmp_path)
    if not real.model.exists() or not real.python.exists():
        pytest.skip("the environment or the model is not set up (make setup)")
    own.build.mkdir(parents=True)
    own.venv.symlink_to(real.venv)
    (own.build / "models").symlink_to(real.build / "models")
    return own


@pytest.mark.model
def test_the_embedded_model_decodes_here(
    installed: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    proof.prove(installed)
    assert "decodes" in capsys.readouterr().out


@pytest.mark.model
@pytest.mark.parametrize(("name", "illegal"), [("SIGILL", True), ("SIGSEGV", False)])
def test_an_engine_that_dies_is_told_with_its_signal(
    installed: Layout, monkeypatch: pytest.MonkeyPatch, name: str, illegal: bool
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", f"decode:{name}")
    with pytest.raises(CommandFailed, match=name) as told:
        proof.prove(installed)
    assert told.value.illegal_instruction is illegal


def test_the_proof_says_its_line(setup_layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    _engine(setup_layout, 'echo "$2 decoded $3"')
    proof.prove(setup_layout)
    told = capsys.readouterr().out
    assert told == f"  cds_hooks.inference.prove decoded {setup_layout.model}\n"


def test_the_cause_that_the_proof_names_is_told_as_it_is(setup_layout: Layout) -> None:
    _engine(setup_layout, 'echo "engine-crashed: SIGSEGV. Cannot allocate memory?"; exit 1')
    with pytest.raises(CommandFailed, match="engine-crashed: SIGSEGV") as told:
        proof.prove(setup_layout)
    assert "memory-full" not in str(told.value)
    assert not told.value.illegal_instruction


@pytest.mark.parametrize("ending", ["kill -ILL $$", "echo 'ended by SIGILL'; exit 1"])
def test_a_refused_instruction_brings_the_portable_build_once(
    setup_module: ModuleType, setup_layout: Layout, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "processor_features", lambda: "x86_64 avx512f")
    monkeypatch.setattr(proof, "processor_features", lambda: "x86_64 avx512f")
    native = setup_module.llama.build_key(setup_layout, setup_module.llama.NATIVE, os.environ)
    (setup_layout.cache / native).mkdir(parents=True)
    installed: list[str] = []

    def planned(layout: Layout, backend: Choice) -> list[Step]:
        _, step = setup_module.installation(layout)

        def install() -> None:
            portable = proof.native_was_refused(layout)
            installed.append("portable" if portable else "native")
            _engine(layout, "true" if portable else ending)
            layout.program.touch()

        done = replace(step, do=install, clean=None, space={})
        return [done, setup_module.proof_of(layout, [done])]

    setup_module.work(setup_layout, planned)
    assert installed == ["native", "portable"]
    assert not (setup_layout.cache / native).exists()
    setup_module.work(setup_layout, planned)
    assert installed == ["native", "portable"]
    monkeypatch.setattr(machine, "processor_features", lambda: "x86_64 avx512f more")
    monkeypatch.setattr(proof, "processor_features", lambda: "x86_64 avx512f more")
    with pytest.raises(SetupError):
        setup_module.work(
            setup_layout,
            lambda layout, backend: [*planned(layout, backend), _always(layout, ending)],
        )


def _always(layout: Layout, ending: str) -> Step:
    def crash() -> None:
        _engine(layout, ending)
        proof.prove(layout)

    return Step("always", crash)


def test_a_portable_build_that_is_refused_ends_the_set_up(setup_layout: Layout) -> None:
    error = CommandFailed("it died", -4, "")
    proof.note_refusal(setup_layout, error, "x86_64 avx")
    assert proof.native_was_refused(setup_layout, "x86_64 avx")
    assert not proof.native_was_refused(setup_layout, "x86_64 avx avx2")
    with pytest.raises(SetupError, match=r"it died\nillegal-instruction: .* portable build too"):
        proof.note_refusal(setup_layout, error, "x86_64 avx")
