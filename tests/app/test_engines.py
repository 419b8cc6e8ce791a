"""From settings to engines: which are made, and what is refused before anything starts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

import prompts
from cds_hooks.consultation import ModelPart
from cds_hooks.inference.engine import Engine, EngineState
from cds_hooks.inference.local.ladder import Rung, rungs_of
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.panel import Panel
from cds_hooks.inference.remote.openai_engine import OpenAIEngine
from cds_hooks.inference.replicas import Replicas
from cds_hooks.runtime import engines
from cds_hooks.runtime.engine_status import engine_checks
from cds_hooks.runtime.engines import model_entry
from cds_hooks.settings import Settings, SettingsError, load_settings
from tests.fake_engine import FakeEngine

SERVER = {"bases": ["http://127.0.0.1:9"], "model": "gemma", "name": "Gemma", "sha256": "a" * 64}


def make_engine(settings: Settings, samples: int) -> Engine:
    """With the bounds of the service's own template."""
    return engines.make_engine(settings, prompts.load("differential").settings, samples)


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    (tmp_path / "names.txt").write_text("Sepsis\n")

    def make(**sections: Any) -> Settings:
        model = {"path": tmp_path / "a.gguf", "names": tmp_path / "names.txt"}
        return Settings.model_validate({"model": model, **sections})

    return make


def test_without_more_the_model_runs_in_a_process_here(settings: Any) -> None:
    engine = make_engine(settings(), 1)
    assert isinstance(engine, LlamaEngine)
    assert engine.model.name == "a"


def test_adapters_make_it_another_model(settings: Any, tmp_path: Path) -> None:
    adapters = [{"path": tmp_path / "tuned.gguf", "scale": 0.5, "sha256": "b" * 64}]
    model = {"path": tmp_path / "a.gguf", "names": tmp_path / "names.txt", "adapters": adapters}
    tuned = make_engine(settings(model=model), 1).model
    assert tuned.name == "a + tuned"
    assert tuned.sha256 != make_engine(settings(), 1).model.sha256


def test_a_chat_template_makes_it_another_model(settings: Any, tmp_path: Path) -> None:
    """What was answered with another template is not given for this one, and is on record."""
    path = tmp_path / "chat_template.jinja"
    model = {"path": tmp_path / "a.gguf", "names": None, "sha256": "a" * 64}
    plain, given = settings(model=model), settings(model={**model, "chat_template": path})
    path.write_text("{{ messages }}")
    assert model_entry(given).chat_template == "{{ messages }}"
    said, without = (make_engine(each, 1).model for each in (given, plain))
    assert without.sha256 == engines.expected_digest(plain) == "a" * 64
    assert said.sha256 == engines.expected_digest(given) != without.sha256
    assert said.name == without.name
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert said.parts == (ModelPart("a.gguf", "a" * 64), ModelPart("chat_template", digest))
    digests = {engines.options_digest(plain), engines.options_digest(given)}
    path.write_text("{{ messages }}.")
    assert engines.options_digest(given) not in digests
    assert len(digests) == 2
    assert engines.expected_digest(given) != said.sha256


def test_a_chat_template_that_cannot_be_read_is_told_by_its_key(
    settings: Any, tmp_path: Path
) -> None:
    path = tmp_path / "t.jinja"
    chosen = settings(model={"path": tmp_path / "a.gguf", "names": None, "chat_template": path})
    for content in (None, b"", b"\xff\xfe", b"x" * (256 * 1024 + 1)):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SettingsError) as caught:
            make_engine(chosen, 1)
        assert caught.value.where == "model.chat_template (t.jinja)"
        assert caught.value.hint
    path.write_bytes(b"x" * (256 * 1024))
    assert make_engine(chosen, 1)


def test_no_digest_is_expected_of_files_that_none_was_named_for(settings: Any) -> None:
    assert engines.expected_digest(settings()) == ""
    assert engines.expected_digest(settings(model_server=SERVER)) == "a" * 64


def test_template_fields_reach_the_body_as_they_are(settings: Any) -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 20, "min_p": 0.05}
    made = settings(model_server={**SERVER, "extra": extra})
    assert repr(dict(made.model_server.extra)) == repr(extra)
    engine = make_engine(made, 1)
    assert isinstance(engine, OpenAIEngine)
    assert dict(engine._config.extra) == extra


def test_a_server_takes_the_place_of_the_file(settings: Any) -> None:
    engine = make_engine(settings(model_server=SERVER), 1)
    assert isinstance(engine, OpenAIEngine)
    assert (engine.model.name, engine.model.sha256) == ("Gemma", "a" * 64)
    assert model_entry(settings(model_server={**SERVER, "demonstration": True})).demonstration


def test_several_servers_are_replicas_of_one_model(settings: Any) -> None:
    bases = ["http://127.0.0.1:9", "http://127.0.0.1:10"]
    assert isinstance(make_engine(settings(model_server={**SERVER, "bases": bases}), 1), Replicas)


def test_more_models_are_a_panel(settings: Any, tmp_path: Path) -> None:
    panel = {"files": [{"path": tmp_path / "b.gguf"}], "servers": [SERVER], "asked": "at-once"}
    engine = make_engine(settings(panel=panel), 2)
    assert isinstance(engine, Panel)
    assert [model.name for model in engine.models] == ["a", "b", "Gemma"]


@pytest.mark.parametrize(("profile", "fault"), [("demo", "decode:SIGSEGV"), ("production", "")])
def test_a_fault_for_tests_is_never_taken_over_in_production(
    settings: Any, monkeypatch: pytest.MonkeyPatch, profile: str, fault: str
) -> None:
    monkeypatch.setenv("TEST_ENGINE_FAULT", "decode:SIGSEGV")
    chosen = settings().model_copy(update={"profile": profile})
    [config] = engines.local_configs(chosen, prompts.load("differential").settings, 1)
    assert config.fault == config.order()["fault"] == fault
    assert "TEST_ENGINE_FAULT" not in config.environment


def test_the_portable_library_of_the_settings_is_a_rung(settings: Any, tmp_path: Path) -> None:
    model = {"path": tmp_path / "a.gguf", "names": None, "portable_library": tmp_path}
    chosen = settings(model=model)
    [config] = engines.local_configs(chosen, prompts.load("differential").settings, 1)
    assert Rung.PORTABLE in rungs_of(config)


class _EngineWithState(FakeEngine):
    """An engine that stands somewhere, and says why."""

    def __init__(self, status: str, detail: str, rung: str, trouble: str, before: str) -> None:
        super().__init__(status=status)
        self._state = EngineState(status, detail=detail, rung=rung)
        self.trouble, self.facts = trouble, {"before": before}

    @property
    def state(self) -> EngineState:
        return self._state


@pytest.mark.parametrize(
    ("status", "detail", "rung", "trouble", "before", "engine", "told"),
    [
        ("ready", "", "as-configured", "", "", "ok", "ok"),
        ("loading", "", "as-configured", "", "", "loading", "ok"),
        ("failed", "a-code", "as-configured", "It died.", "", "a-code: It died.", "ok"),
        ("ready", "", "portable-library", "", "x: y", "ok", "portable-library: x: y"),
        ("ready", "", "", "", "", "ok", None),
    ],
)
def test_readiness_tells_where_an_engine_stands(
    status: str, detail: str, rung: str, trouble: str, before: str, engine: str, told: str | None
) -> None:
    checks = engine_checks(_EngineWithState(status, detail, rung, trouble, before))
    state = {} if status == "ready" else {"engine_state": status}
    assert checks == {"engine": engine} | state | ({"engine_rung": told} if told else {})


@pytest.mark.parametrize(
    ("sections", "where"),
    [
        ({"panel": {"files": [{"path": "a.gguf"}]}}, "panel"),
        ({"model_server": {**SERVER, "bases": ["http://10.0.0.1"]}}, "model_server"),
        ({"model_server": {**SERVER, "authority": "/none.pem"}}, "model_server"),
        ({"model_server": {**SERVER, "extra": {"stop": "x"}}}, "model_server"),
        ({"panel": {"servers": [{**SERVER, "bases": ["http://10.0.0.1"]}]}}, "panel.servers"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(settings: Any, sections: Any, where: str) -> None:
    with pytest.raises(SettingsError) as refused:
        make_engine(settings(**sections), 1)
    assert refused.value.where == where


def test_paths_in_lists_of_tables_start_at_the_file_s_folder(tmp_path: Path) -> None:
    path = tmp_path / "chartside.toml"
    path.write_text(
        '[model]\nadapters = [{ path = "x.gguf" }]\n[panel]\nfiles = [{ path = "b.gguf" }]\n'
        '[[panel.servers]]\nbases = ["https://a"]\nmodel = "m"\nkey_file = "k"\n'
    )
    loaded = load_settings(path, {})
    assert loaded.model.adapters[0].path == tmp_path / "x.gguf"
    assert loaded.panel.files[0].path == tmp_path / "b.gguf"
    assert loaded.panel.servers[0].key_file == tmp_path / "k"


@pytest.mark.parametrize(
    "text",
    ['[model_server]\nbases = ["https://a"]\n', '[model_server]\ncertificate = "c.pem"\n'],
)
def test_half_a_server_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chartside.toml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        load_settings(path, {})
