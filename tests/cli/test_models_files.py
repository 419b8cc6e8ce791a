"""`chartside models list | check | advise | bench`, as a person and as a script see them."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cds_hooks.cli import models_files
from cds_hooks.errors import ChartsideError
from cds_hooks.inference.model_files.gguf import sha256_of

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = ROOT / "build/models/SmolLM2-135M-Instruct.Q8_0.gguf"
OWN = """
version = "1"
[[model]]
name = "our-ward"
family = "Test"
architecture = "llama"
files = ["our-ward*.gguf"]
licence = "MIT"
source = "https://example.org/our-ward"
parameters = 0.2
context = 8192
"""


class Ended:
    """How a command ended and what it printed."""

    def __init__(self, code: int, out: str, error: BaseException | None) -> None:
        self.code = code
        self.out = out
        self.error = error

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands as they are under `chartside models`."""
    monkeypatch.chdir(ROOT)
    app = typer.Typer()
    app.command("list")(models_files.list_models)
    app.command("check")(models_files.check_model)
    app.command("advise")(models_files.advise_models)
    app.command("bench")(models_files.bench_model)

    def invoke(*arguments: str | Path) -> Ended:
        environment = {"COLUMNS": "200", "TERM": "dumb"}
        done = CliRunner().invoke(app, [str(a) for a in arguments], env=environment)
        return Ended(done.exit_code, done.stdout, done.exception)

    return invoke


@pytest.fixture(scope="session")
def tiny_models() -> ModuleType:
    path = ROOT / "tests/inference/tiny_models.py"
    spec = importlib.util.spec_from_file_location("tiny_models_of_cli", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tiny(tiny_models: ModuleType, tmp_path: Path) -> Callable[..., Path]:
    """`tiny("llama", "name.gguf")` writes a small model with random weights."""

    def make(family: str = "llama", name: str = "tiny.gguf", **changes: Any) -> Path:
        path = tmp_path / name
        tiny_models.write(family, path, **changes)
        return path

    return make


def _ids(found: Any) -> set[str]:
    return {finding["id"] for finding in found["findings"]}


@pytest.mark.parametrize("command", ["list", "check", "advise", "bench"])
def test_every_command_has_help_and_json(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert "--json" in done.out


def test_list_tells_memory_licence_results_and_cautions(run: Run) -> None:
    told = run("list").out
    for word in (
        "gemma-4-31b-it",
        "17.7 GB",
        "Apache-2.0",
        "86.5 % (81.1 to 90.5, n = 207",
        "Demonstration only",
    ):
        assert word in told
    listed = {entry["name"]: entry for entry in run("list", "--json").json}
    assert listed["gpt-oss-20b"]["weights_gb"]["4_bit"] == pytest.approx(12.0, abs=0.1)


def test_a_site_s_own_entries_stand_beside_the_shipped_ones(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    names = [entry["name"] for entry in run("list", "--catalogue", own, "--json").json]
    assert "our-ward" in names
    assert "gemma-4-31b-it" in names
    own.write_text(OWN + "surprise = 1")
    failed = run("list", "--catalogue", own)
    assert isinstance(failed.error, ChartsideError)
    assert "own.toml" in failed.error.diagnostics()


def test_check_knows_the_embedded_model(run: Run) -> None:
    if not EMBEDDED.is_file():
        pytest.skip("the embedded model is not at build/models: run make")
    found = run("check", EMBEDDED, "--json")
    assert found.code == 0
    assert found.json["entry"] == "smollm2-135m-instruct-q8_0"
    assert found.json["quantisation"] == "Q8_0"
    assert found.json["usable"]
    # Which of the two depends on the processor that wrote the copy.
    assert _ids(found.json) & {"digest-known", "digest-not-listed"}
    told = run("check", EMBEDDED).out
    assert "It can be used." in told
    assert "MiB" in told


def test_check_knows_a_file_by_the_digest_that_a_site_lists(
    run: Run, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    listed, other = tiny("llama", "our-ward-1.gguf"), tmp_path / "our-ward-2.gguf"
    other.write_bytes(listed.read_bytes() + b"\0")
    own = tmp_path / "own.toml"
    own.write_text(f'{OWN}sha256 = "{sha256_of(listed)}"')
    assert "digest-known" in _ids(run("check", listed, "--catalogue", own, "--json").json)
    found = run("check", other, "--catalogue", own, "--json")
    assert "digest-differs" in _ids(found.json)
    assert found.code == 1


def test_check_of_an_unknown_file_says_what_is_not_known(
    run: Run, tiny: Callable[..., Path]
) -> None:
    found = run("check", tiny(), "--json")
    assert found.code == 0
    assert _ids(found.json) == {"not-in-catalogue"}
    assert found.json["entry"] is None


@pytest.mark.parametrize(
    ("family", "name", "expected"),
    [
        ("llama", "gpt-oss-20b-mxfp4.gguf", {"architecture-differs", "not-in-catalogue"}),
        ("gpt-oss", "gpt-oss-20b-mxfp4.gguf", {"parameters-differ", "template-asks-the-day"}),
        ("gemma3", "medgemma-27b-text-it.gguf", {"template-without-system", "context-differs"}),
    ],
)
def test_check_compares_with_the_entry(
    run: Run, tiny: Callable[..., Path], family: str, name: str, expected: set[str]
) -> None:
    found = run("check", tiny(family, name), "--json")
    assert expected <= _ids(found.json)
    errors = [f["id"] for f in found.json["findings"] if f["level"] == "error"]
    assert found.code == (1 if errors else 0)
    assert bool(errors) == (family == "llama")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ messages.__class__ }}{{ messages[0].content }}", "template-reads-internals"),
        ("{{ messages['__class__'] }}", "template-reads-internals"),
        ("{{ messages | attr('__class__') }}", "template-reads-internals"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
         "template-unusable"),
        ("{% if %}", "template-unusable"),
        ("{{ 'x' * 999999999 }}", "template-unusable"),
        ("nothing of the conversation", "template-unusable"),
    ],
)  # fmt: skip
def test_check_lints_the_chat_template(
    run: Run, tiny: Callable[..., Path], template: str, expected: str
) -> None:
    found = run("check", tiny(template=template), "--json")
    assert found.code == 1
    assert expected in _ids(found.json)


def test_check_tells_the_format_and_its_mix(run: Run, tiny: Callable[..., Path]) -> None:
    path = tiny("gpt-oss", "x.gguf", says={"general.file_type": 38, "general.name": "Gpt Oss 20b"})
    found = run("check", path, "--json").json
    assert (found["quantisation"], found["mix"]) == ("MXFP4_MOE", {"F32": 1.0})
    assert (found["entry"], found["known_by"]) == ("gpt-oss-20b", "header")
    assert found["thinking"]["stop"] == "<|end|>"
    told = run("check", path).out
    assert "MXFP4_MOE (F32 100 % of its bytes)" in told
    assert "known by" in told


def test_check_takes_any_part_of_a_model(
    run: Run, tiny: Callable[..., Path], tiny_models: ModuleType
) -> None:
    parts = tiny_models.split(tiny(), "m", 3)
    found = run("check", parts[2], "--json")
    assert found.code == 0
    assert found.json["parts"] == {part.name: sha256_of(part) for part in parts}
    assert found.json["size"] == sum(part.stat().st_size for part in parts)
    parts[1].unlink()
    failed = run("check", parts[2])
    assert isinstance(failed.error, ChartsideError)
    assert (failed.error.code, failed.error.where) == ("model-part-missing", parts[1].name)


def test_check_takes_a_chat_template_for_a_file_that_brings_none(
    run: Run, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    path = tiny(says={"tokenizer.chat_template": None})
    assert "template-missing" in _ids(run("check", path, "--json").json)
    template, config = tmp_path / "t.jinja", tmp_path / "own.toml"
    template.write_text("{{ messages[0].content }} {{ messages[1].content }}")
    given = run("check", path, "--chat-template", template, "--json")
    assert given.code == 0
    assert "template-replaced" in _ids(given.json)
    # The settings' own, for the settings' own file.
    config.write_text(f'[model]\npath = "{path}"\nchat_template = "t.jinja"')
    assert run("check", path, "--config", config).code == 0
    assert run("check", tiny(name="o.gguf", says={"tokenizer.chat_template": None}),
               "--config", config).code == 1  # fmt: skip


def test_check_says_when_the_template_closes_the_thought(
    run: Run, tiny: Callable[..., Path]
) -> None:
    """Some templates think only when they are told to, and say no to everybody else."""
    template = "{{ messages[0].content }}{{ messages[1].content }}<think>\n"
    template += "{% if not enable_thinking %}</think>\n{% endif %}{# </think> #}"
    plain = tiny("qwen35", "Qwen3.5-9B-Q4_K_M.gguf", template=template)
    assert "template-closes-thought" not in _ids(run("check", plain, "--json").json)
    closed = tiny("qwen35", "Qwen3.5-9B-Q8_0.gguf", template=template.replace("not ", ""))
    assert "template-closes-thought" in _ids(run("check", closed, "--json").json)


def test_check_holds_an_adapter_against_its_base(
    run: Run, tiny: Callable[..., Path], tiny_models: ModuleType, tmp_path: Path
) -> None:
    adapter = tmp_path / "ward.gguf"
    tiny_models.write_adapter(adapter)
    assert _ids(run("check", adapter, "--json").json) == {"adapter-without-base"}
    assert _ids(run("check", adapter, "--base", tiny(), "--json").json) == {"adapter-fits"}
    wrong = run("check", adapter, "--base", tiny("gemma3"), "--json")
    assert (wrong.code, _ids(wrong.json)) == (1, {"adapter-of-another-model"})


def test_a_file_that_is_no_model_is_an_error_with_a_code(
    run: Run, tiny: Callable[..., Path], tiny_models: ModuleType, tmp_path: Path
) -> None:
    whole = tiny()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole.read_bytes()[:5000])
    projector, adapter = tiny(name="p.gguf", says={"general.type": "mmproj"}), tmp_path / "l.gguf"
    tiny_models.write_adapter(adapter)
    ended = run("bench", adapter)
    assert isinstance(ended.error, ChartsideError)
    assert ended.error.code == "model-is-adapter"
    for command in ("check", "bench"):
        for path, code in (
            (cut, "model-truncated"),
            (projector, "model-is-projector"),
            (tmp_path, "model-is-folder"),
            (tmp_path / "none.gguf", "model-missing"),
            (ROOT / "README.md", "model-not-gguf"),
        ):
            ended = run(command, path)
            assert isinstance(ended.error, ChartsideError)
            assert ended.error.code == code


@pytest.mark.model
def test_bench_measures_the_very_engine(run: Run, tiny: Callable[..., Path]) -> None:
    path = tiny()
    arguments = ("--prompt", "64", "--answer", "70", "--rounds", "1")
    measured = run("bench", path, *arguments, "--json").json
    assert set(measured["step_per_s"]) == {"1", "3", "5"}
    assert measured["prompt_per_s"] > 0
    assert len(measured["sha256"]) == 64
    told = run("bench", path, *arguments).out
    assert "from start to ready" in told
    assert "samples at once: 5" in told


@pytest.mark.model
def test_advice_is_reckoned_from_a_probe_of_this_machine(
    run: Run, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    arguments = ("advise", "--model", tiny(), "--prompt", "800", "--answer", "300")
    advice = run(*arguments, "--json").json
    models = {model["model"]: model for model in advice["models"]}
    assert advice["machine"]["processors"] >= 1
    assert models["qwen3.5-27b"]["total_s"] > models["qwen3.5-9b"]["total_s"]
    assert models["qwen3.5-35b-a3b"]["prompt_s"] < models["qwen3.5-9b"]["prompt_s"]
    assert all(model["cache_known"] for model in models.values())
    told = run(*arguments).out
    assert "Times are estimates" in told
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    told = run(*arguments, "--catalogue", own).out
    assert "+ KV cache" in told
