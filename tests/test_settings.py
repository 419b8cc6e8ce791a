"""Settings: one file and the environment; what is not known is refused by name."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import socket
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cds_hooks.app import AppConfig
from cds_hooks.audit import StoreConfig
from cds_hooks.cards import profiles
from cds_hooks.consult import ConsultConfig
from cds_hooks.gather import GatherConfig
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.remote.openai_config import OpenAIConfig
from cds_hooks.section import Section
from cds_hooks.services import REGISTRY
from cds_hooks.settings import (
    BindNotLoopback,
    ProfileNotAvailable,
    Settings,
    SettingsError,
    environment_name,
    known_keys,
    load_settings,
    settings_digest,
)
from cds_hooks.settings.production_requirements import lacks
from cds_hooks.settings.reference import generated

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "deploy" / "chartside.toml"
KEYS = {key for key, _ in known_keys()}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def make(text: str) -> Path:
        path = tmp_path / "chartside.toml"
        path.write_text(text)
        return path

    return make


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    """`section.key` to value; a table within a section is a value."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        inner = value.items() if isinstance(value, dict) else ()
        found |= {f"{key}.{name}": each for name, each in inner} or {key: value}
    return found


# --- the example and the page -----------------------------------------------------------------


def test_the_example_names_every_key_and_sets_each_to_its_default() -> None:
    named = _flat(tomllib.loads(EXAMPLE.read_text()))
    assert set(named) == KEYS
    loaded, default = load_settings(EXAMPLE, {}).model_dump(), Settings().model_dump()
    differs = {key for key in KEYS if _at(loaded, key) != _at(default, key)}
    # Without a checkout there is no place for a portable library, so it has no default.
    assert Path(_at(loaded, "model.portable_library")) == ROOT / "build/llama-portable/lib"
    differs.remove("model.portable_library")
    assert {key for key in differs if not isinstance(_at(default, key), Path | str)} == set()
    for key in differs:
        assert Path(_at(loaded, key)) == ROOT / str(_at(default, key))


def _at(values: dict[str, Any], key: str) -> Any:
    section, _, name = key.partition(".")
    return values[section][name] if name else values[section]


def test_the_installed_settings_load_and_are_all_absolute() -> None:
    settings = load_settings(ROOT / "deploy" / "installed.toml", {})
    places = [settings.model.path, settings.model.names, settings.model.cache]
    places += [settings.terminology.path, Path(settings.store.path), settings.store.site_key]
    assert all(place is not None and place.is_absolute() for place in places)
    assert settings.log.format == "json"


def test_the_page_and_the_example_are_generated_from_the_declarations() -> None:
    stale = [path.name for path, text in generated().items() if path.read_text() != text]
    assert stale == [], "run: make settings-docs"


def test_every_key_is_described() -> None:
    assert [key for key, field in known_keys() if not field.description] == []


# --- file and environment ---------------------------------------------------------------------


def test_without_a_file_there_are_defaults_for_one_machine() -> None:
    settings = load_settings(None, {})
    assert (settings.profile, settings.server.host) == ("demo", "127.0.0.1")
    assert settings.services.enabled == tuple(service.id for service in REGISTRY)
    assert settings.services.answer_within_s == 1.5


def test_the_environment_comes_on_top_of_the_file(write: Any) -> None:
    path = write("[server]\nport = 1\nmax_in_flight = 2\n[log]\nlevel = 'debug'\n")
    environ = {"CHARTSIDE_SERVER__PORT": "3", "CHARTSIDE_LOG__FORMAT": "json", "PATH": "/bin"}
    settings = load_settings(path, environ)
    assert (settings.server.port, settings.server.max_in_flight) == (3, 2)
    assert (settings.log.level, settings.log.format) == ("debug", "json")


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("CHARTSIDE_PROFILE", "demo", "profile", "demo"),
        ("CHARTSIDE_MODEL__TEMPERATURE", "", "model.temperature", None),
        ("CHARTSIDE_MODEL__TEMPERATURE", "0.5", "model.temperature", 0.5),
        ("CHARTSIDE_MODEL__NAMES_BY_CONSTRUCTION", "true", "model.names_by_construction", True),
        ("CHARTSIDE_MODEL__SHA256", "1" * 64, "model.sha256", "1" * 64),
        ("CHARTSIDE_MODEL__CATALOGUE", "/c.toml", "model.catalogue", Path("/c.toml")),
        ("CHARTSIDE_FHIR__ALLOWED_BASES", "https://a/f, https://b/f", "fhir.allowed_bases",
         ("https://a/f", "https://b/f")),
        ("CHARTSIDE_FHIR__ALLOWED_BASES", '["https://a/f"]', "fhir.allowed_bases",
         ("https://a/f",)),
        ("CHARTSIDE_FHIR__ALLOWED_BASES", "", "fhir.allowed_bases", ()),
        ("CHARTSIDE_SERVICES__ANSWER_WITHIN", '{"chartside-encounter-start": 3}',
         "services.answer_within", {"chartside-encounter-start": 3.0}),
    ],
)  # fmt: skip
def test_an_environment_variable_is_read_as_its_key_wants(
    name: str, text: str, key: str, value: object
) -> None:
    assert _at(load_settings(None, {name: text}).model_dump(), key) == value


def test_every_key_can_be_set_by_the_environment() -> None:
    default = load_settings(None, {})
    environ = {environment_name(key): _text(default, key) for key in KEYS}
    assert load_settings(None, environ) == default


def _text(settings: Settings, key: str) -> str:
    value = settings
    for part in key.split("."):
        value = getattr(value, part)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def test_relative_paths_start_at_the_file_and_from_the_environment_where_we_are(
    write: Any, tmp_path: Path
) -> None:
    path = write('[store]\npath = "s/r.sqlite"\nsite_key = "../key"\n[model]\npath = "/m.gguf"\n')
    settings = load_settings(path, {"CHARTSIDE_TERMINOLOGY__PATH": "t.sqlite"})
    assert settings.store.path == str(tmp_path / "s/r.sqlite")
    assert settings.store.site_key == tmp_path.parent / "key"
    assert settings.model.path == Path("/m.gguf")
    assert settings.terminology.path == Path("t.sqlite")
    url = write('[store]\npath = "postgresql+psycopg://u@h/d"\n')
    assert load_settings(url, {}).store.path == "postgresql+psycopg://u@h/d"


def test_settings_cannot_be_changed() -> None:
    settings = load_settings(None, {})
    with pytest.raises(ValidationError):
        settings.server.port = 1


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "environ", "named", "nearest"),
    [
        ("[server]\nprt = 1", {}, "server.prt", "server.port"),
        ("[sever]\nport = 1", {}, "sever", None),
        ("port = 1", {}, "port", None),
        (
            "[services]\nanswer_withi_s = 1",
            {},
            "services.answer_withi_s",
            "services.answer_within_s",
        ),
        ("", {"CHARTSIDE_SERVER__PRT": "1"}, "CHARTSIDE_SERVER__PRT", "CHARTSIDE_SERVER__PORT"),
        ("", {"CHARTSIDE_PORT": "1"}, "CHARTSIDE_PORT", None),
        ("", {"CHARTSIDE_SERVER": "{}"}, "CHARTSIDE_SERVER", None),
        ("", {"chartside_server__port": "1"}, "chartside_server__port", None),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_one(
    write: Any, text: str, environ: dict[str, str], named: str, nearest: str | None
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(text), environ)
    assert caught.value.where == named
    assert f"{named} is not known" in caught.value.message
    assert nearest is None or f"did you mean {nearest}?" in caught.value.message


def test_every_problem_is_told_at_once(write: Any) -> None:
    path = write("[server]\nprt = 1\nport = 'x'\n[cards]\nprofile = 'unknown'\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(path, {})
    for key in ("server.prt", "server.port", "cards.profile"):
        assert key in caught.value.message
    assert all(name in caught.value.message for name in profiles())


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("server", "port", 70000), ("server", "max_body_bytes", 0), ("server", "host", ""),
        ("server", "public_url", "example.org"), ("server", "public_url", "https://a/?q"),
        ("server", "cors_origins", ["*"]), ("server", "cors_origins", ["https://a/path"]),
        ("fhir", "allowed_bases", ["ftp://a"]), ("fhir", "allowed_bases", ["https://a?x=1"]),
        ("services", "enabled", ["nothing"]), ("services", "enabled", []),
        ("services", "answer_within_s", 0), ("services", "answer_within_s", 1000),
        ("services", "silent", ["nothing"]),
        ("model", "sha256", "abc"), ("model", "temperature", 3), ("model", "threads", -1),
        ("retention", "feedback_days", 0), ("store", "path", ""),
        ("store", "path", "postgresql+psycopg://u:s3cret@h/d"),
        ("cards", "profile", "nothing"), ("log", "level", "loud"),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused_by_key_and_not_repeated(
    write: Any, section: str, key: str, value: object
) -> None:
    shown = f'"{value}"' if isinstance(value, str) else str(value).replace("'", '"')
    with pytest.raises(SettingsError) as caught:
        load_settings(write(f"[{section}]\n{key} = {shown}\n"), {})
    assert caught.value.code == "settings-invalid"
    assert section in caught.value.where
    assert "s3cret" not in caught.value.diagnostics()


@pytest.mark.parametrize("content", [b"[server", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_refused_with_its_place(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chartside.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="not TOML") as caught:
        load_settings(path, {})
    assert caught.value.where == str(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            load_settings(path, {})


@given(
    st.dictionaries(
        st.sampled_from(sorted(environment_name(key) for key in KEYS - {"server.host"})),
        st.text(),
        max_size=4,
    )
)
def test_any_environment_gives_settings_or_a_settings_error(environ: dict[str, str]) -> None:
    with contextlib.suppress(SettingsError):
        assert load_settings(None, environ).profile == "demo"


@given(st.binary(max_size=300))
def test_any_file_gives_settings_or_a_settings_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    with contextlib.suppress(SettingsError):
        assert load_settings(path, {}).profile == "demo"


# --- where it may listen, and as what ---------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    assert load_settings(None, {"CHARTSIDE_SERVER__HOST": host}).server.host == host


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.1", "::ffff:127.0.0.1", "0", "fe80::1", "2001:db8::1"]
)
def test_anything_but_loopback_is_refused(host: str) -> None:
    with pytest.raises(BindNotLoopback) as caught:
        load_settings(None, {"CHARTSIDE_SERVER__HOST": host})
    assert caught.value.code == "bind-not-loopback"
    assert caught.value.where == "server.host"


def test_a_name_is_refused_when_any_of_its_addresses_is_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [(socket.AF_INET, 1, 6, "", (ip, 0)) for ip in ("127.0.0.1", "192.0.2.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answers)
    with pytest.raises(BindNotLoopback):
        load_settings(None, {"CHARTSIDE_SERVER__HOST": "two.example"})


@pytest.mark.parametrize("host", ["nowhere.example", "a" * 70 + ".example"])
def test_a_host_without_an_address_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    real = socket.getaddrinfo

    def offline(name: str, *rest: Any) -> Any:
        if name == "nowhere.example":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return real(name, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {"CHARTSIDE_SERVER__HOST": host})
    assert caught.value.where == "server.host"


def test_production_is_refused_and_says_what_is_missing() -> None:
    with pytest.raises(ProfileNotAvailable) as caught:
        load_settings(None, {"CHARTSIDE_PROFILE": "production"})
    for missing in lacks(Settings(profile="production")):
        assert missing.code in caught.value.message


# --- the digest -------------------------------------------------------------------------------


def test_the_digest_is_stable_and_changes_with_every_key(write: Any) -> None:
    plain = settings_digest(load_settings(None, {}))
    assert len(plain) == 64
    assert plain == settings_digest(load_settings(write(""), {}))
    other = {
        "server": "port = 9", "fhir": "read_s = 9.0", "services": "samples = 9",
        "model": "seed = 9", "retention": "feedback_days = 9", "log": "level = 'debug'",
        "cards": "profile = 'epic'", "terminology": "path = '/t'",
    }  # fmt: skip
    digests = {
        settings_digest(load_settings(write(f"[{section}]\n{line}\n"), {}))
        for section, line in other.items()
    }
    assert len({plain, *digests}) == len(other) + 1


@pytest.mark.parametrize("page", ["from-gguf-to-admitted-model.md", "gpu.md", "model-servers.md"])
def test_every_settings_file_on_a_page_of_models_can_be_used(page: str) -> None:
    text = (Path(__file__).parents[1] / "docs" / "operators" / page).read_text("utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        told = tomllib.loads(example.replace('"..."', f'"{"a" * 64}"'))
        settings = Settings.model_validate(told)
        assert settings.model_server.bases or settings.model.path.suffix == ".gguf"


# --- one declaration --------------------------------------------------------------------------

_SECTIONS_OF = {
    AppConfig: ("server", "proxy"),
    GatherConfig: ("fhir",),
    StoreConfig: ("store", "retention", "ledger"),
    ConsultConfig: ("services", "fhir", "cards", "model"),
    LlamaConfig: ("model",),
    OpenAIConfig: ("model_server",),
}
# An engine that no settings made has no files beside its model and measures nothing.
_OF_A_BARE_ENGINE = {"names", "cache", "portable_library", "threads", "tune", "model"}


@pytest.mark.parametrize("config", _SECTIONS_OF, ids=lambda config: config.__name__)
def test_no_configuration_has_a_default_of_its_own_for_a_key(config: type) -> None:
    declared = {
        key.partition(".")[2]: field.default
        for key, field in known_keys()
        if key.partition(".")[0] in _SECTIONS_OF[config]
    }
    own = {name: vars(config).get(name, ...) for name in config.__annotations__}
    if dataclasses.is_dataclass(config):
        missing = dataclasses.MISSING
        defaults = {each.name: each.default for each in dataclasses.fields(config)}
        own = {name: ... if defaults[name] is missing else defaults[name] for name in own}
    repeated = {name: own[name] for name in own.keys() & declared.keys() if own[name] is not ...}
    if config is LlamaConfig:
        repeated = {key: repeated[key] for key in repeated.keys() - _OF_A_BARE_ENGINE}
    assert repeated == {name: declared[name] for name in repeated}


def test_no_two_tables_are_declared_in_one_class_twice() -> None:
    sections = [field.default for field in Settings.model_fields.values()]
    kinds = [type(section) for section in sections if isinstance(section, Section)]
    assert len(set(kinds)) == len(kinds)
    owners = {kind.__module__ for kind in kinds}
    assert [owner for owner in owners if owner.startswith("cds_hooks.settings")] == []
