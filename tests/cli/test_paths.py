"""Where files are looked for and made, from any working directory, and who may read them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.private_files import chmod_hint, make_folder
from cds_hooks.runtime.files import DataMissing, FilesNotPrivate, FolderNotMade, require_files
from cds_hooks.settings import Settings, default_paths, load_settings
from cds_hooks.settings.default_paths import default_places, made_by, written

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = os.getuid() == 0


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout somewhere else, with its set-up program."""
    root = tmp_path / "a checkout"
    (root / "deploy").mkdir(parents=True)
    (root / "build").mkdir()
    (root / "deploy" / "setup.py").touch()
    (root / "pyproject.toml").touch()
    monkeypatch.setattr(default_paths, "CHECKOUT", root)
    return root


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment with folders of the user's own."""
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


# --- where ------------------------------------------------------------------------------------


def test_a_checkout_s_files_are_found_from_every_working_directory(
    checkout: Path, home: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, home)
    build = checkout / "build"
    assert settings.model.path == build / "models/SmolLM2-135M-Instruct.Q8_0.gguf"
    assert settings.model.names == build / "names.txt"
    assert settings.terminology.path == build / "terminology.sqlite"
    assert settings.model.cache == build / "cache"
    # What `make portable` makes is found without a settings file, by `make demo` too.
    assert settings.model.portable_library == build / "llama-portable" / "lib"
    assert settings.store.path == str(build / "records/records.sqlite")
    assert settings.store.site_key == build / "records/site.key"
    assert written("eval", home) == build / "eval"


def test_what_is_written_goes_to_the_user_s_own_folders_where_the_checkout_is_not_theirs(
    checkout: Path, home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_not = lambda place, mode: mode == os.F_OK and Path(place).exists()  # noqa: E731
    monkeypatch.setattr(default_paths.os, "access", may_not)
    settings = load_settings(None, home)
    assert settings.model.path.is_relative_to(checkout / "build")
    assert settings.terminology.path == checkout / "build" / "terminology.sqlite"
    assert settings.model.cache == tmp_path / "cache/chartside/cache"
    assert settings.store.path == str(tmp_path / "state/chartside/records/records.sqlite")
    assert settings.store.site_key == tmp_path / "state/chartside/records/site.key"
    assert written("eval", home) == tmp_path / "state/chartside/eval"


def test_an_installed_package_reads_what_the_image_brings_and_writes_to_the_user_s_folders(
    checkout: Path, home: dict[str, str], tmp_path: Path
) -> None:
    (checkout / "pyproject.toml").unlink()
    settings = load_settings(None, home)
    assert settings.model.names == Path("/usr/share/chartside/names.txt")
    assert settings.terminology.path == Path("/usr/share/chartside/terminology.sqlite")
    assert settings.store.site_key == tmp_path / "state/chartside/records/site.key"


@pytest.mark.parametrize("state", ["", "relative/path"])
def test_without_a_usable_variable_the_home_folder_counts(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str
) -> None:
    (checkout / "pyproject.toml").unlink()
    monkeypatch.setenv("HOME", str(tmp_path))
    found = default_places({"XDG_STATE_HOME": state})["store"]["site_key"]
    assert found == str(tmp_path / ".local/state/chartside/records/site.key")


def test_a_user_without_a_home_has_the_system_s_folders(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    (checkout / "pyproject.toml").unlink()
    monkeypatch.setattr(Path, "home", homeless)
    assert default_places({})["store"]["site_key"] == "/var/lib/chartside/records/site.key"
    assert default_places({})["model"]["cache"] == "/var/cache/chartside/cache"


def test_a_default_gives_way_to_the_file_and_the_environment(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[model]\nnames = ""\n[store]\npath = "mine.sqlite"\n')
    settings = load_settings(config, {"CHARTSIDE_MODEL__CACHE": ""})
    assert settings.model.names is None
    assert settings.model.cache is None
    assert settings.store.path == str(tmp_path / "mine.sqlite")
    assert settings.store.site_key == tmp_path / "site.key"  # beside the store


def test_a_store_on_a_server_leaves_the_site_key_where_it_is() -> None:
    settings = load_settings(None, {"CHARTSIDE_STORE__PATH": "postgresql+psycopg://u@h/d"})
    assert settings.store.site_key == ROOT / "build/records/site.key"


# --- what has to be there ---------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Any:
    """Settings of a folder in which all data is, and further sections."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    for name in ("m.gguf", "names.txt", "t.sqlite"):
        (data / name).touch()

    def make(**sections: dict[str, Any]) -> Settings:
        own = tmp_path / "own"
        given: dict[str, Any] = {
            "model": {"path": data / "m.gguf", "names": data / "names.txt", "cache": own / "c"},
            "terminology": {"path": data / "t.sqlite"},
            "store": {"path": str(own / "r" / "db.sqlite"), "site_key": own / "k" / "site.key"},
        }
        given = {name: {**each, **sections.pop(name, {})} for name, each in given.items()}
        return Settings.model_validate({**given, **sections})

    return make


def test_every_missing_file_is_told_at_once_by_key_and_place(site: Any, tmp_path: Path) -> None:
    none = tmp_path / "none"
    adapters = [{"path": none / "lora.gguf"}]
    model = {"path": none / "m.gguf", "names": none / "names.txt", "adapters": adapters}
    panel = {"files": [{"path": none / "second.gguf"}]}
    with pytest.raises(DataMissing) as caught:
        require_files(site(model=model, terminology={"path": none / "t.sqlite"}, panel=panel))
    for key, name in (
        ("model.path", "m.gguf"),
        ("model.adapters.0.path", "lora.gguf"),
        ("model.names", "names.txt"),
        ("panel.files.0.path", "second.gguf"),
        ("terminology.path", "t.sqlite"),
    ):
        assert f"{key}: no file {none / name}" in caught.value.message
    assert (caught.value.code, caught.value.where) == ("data-missing", "model.path")
    assert not (tmp_path / "own").exists()


def test_of_a_checkout_s_own_files_set_up_is_named(checkout: Path, home: dict[str, str]) -> None:
    with pytest.raises(DataMissing) as caught:
        require_files(load_settings(None, home))
    assert f"`make setup` in {checkout} makes it." in caught.value.hint
    assert made_by(Path("/srv/model.gguf")) == ""


def test_a_model_on_a_server_needs_no_file_here(site: Any, tmp_path: Path) -> None:
    server = {"bases": ["http://127.0.0.1:9"], "model": "m"}
    require_files(site(model={"path": tmp_path / "none.gguf"}, model_server=server))


# --- who may read -----------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_folders_that_are_made_are_private_whatever_the_umask(
    site: Any, tmp_path: Path, umask: int
) -> None:
    """All below one new folder, which whoever came first would have left as the umask has it."""
    before = os.umask(umask)
    try:
        require_files(site())
        require_files(site())
    finally:
        os.umask(before)
    own = tmp_path / "own"
    made = {
        path.relative_to(tmp_path): path.stat().st_mode & 0o777 for path in (own, *own.iterdir())
    }
    assert made == dict.fromkeys((Path("own"), *map(Path, ("own/c", "own/r", "own/k"))), 0o700)


def test_everything_that_others_may_read_is_told_at_once_with_the_command_that_mends_it(
    site: Any, tmp_path: Path
) -> None:
    own = tmp_path / "it's mine"
    own.mkdir(mode=0o755)
    own.chmod(0o755)
    for name in ("db.sqlite", "db.sqlite-wal", "site.key", "ledger.key", "tls.key"):
        (own / name).touch()
        (own / name).chmod(0o644)
    tls = {"certificate": own / "tls.pem", "key": own / "tls.key"}
    store = {"path": str(own / "db.sqlite"), "site_key": own / "site.key"}
    with pytest.raises(FilesNotPrivate) as caught:
        require_files(site(store=store, tls=tls))
    assert (caught.value.code, caught.value.where) == ("files-not-private", "store.path")
    command = caught.value.hint.split("`")[1]
    assert shlex.split(command)[:3] == ["chmod", "700", str(own)]
    subprocess.run(["sh", "-c", command], check=True)
    require_files(site(store=store, tls=tls))
    assert own.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in own.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("name", "mode", "refused"),
    [
        ("site.key", 0o600, False), ("site.key", 0o640, True), ("site.key", 0o604, True),
        ("tls.key", 0o640, False), ("tls.key", 0o660, True), ("tls.key", 0o644, True),
        (".", 0o700, False), (".", 0o710, True), (".", 0o701, True), (".", 0o750, True),
    ],
)  # fmt: skip
def test_the_least_bit_counts(
    site: Any, tmp_path: Path, name: str, mode: int, refused: bool
) -> None:
    own = tmp_path / "keys"
    own.mkdir(mode=0o700)
    for each in ("site.key", "tls.key"):
        (own / each).touch(mode=0o600)
    (own / name).chmod(mode)
    settings = site(
        store={"path": str(own / "db.sqlite"), "site_key": own / "site.key"},
        tls={"certificate": own / "tls.pem", "key": own / "tls.key"},
    )
    if refused:
        with pytest.raises(FilesNotPrivate):
            require_files(settings)
    else:
        require_files(settings)


def test_a_folder_that_cannot_be_made_is_told_with_its_key(site: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderNotMade) as caught:
        require_files(site(store={"path": str(tmp_path / "file" / "r" / "db.sqlite")}))
    assert (caught.value.code, caught.value.where) == ("folder-not-made", "store.path")
    assert "File exists" in caught.value.message
    require_files(site(model={"cache": tmp_path / "file" / "cache"}))  # a model works without


def test_a_file_where_a_folder_should_be_is_no_folder(site: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderNotMade, match="File exists"):
        require_files(site(store={"path": str(tmp_path / "file" / "db.sqlite")}))


def test_a_path_is_quoted_for_a_shell() -> None:
    assert "`chmod 600 '/a b/it'\"'\"'s'`" in chmod_hint(Path("/a b/it's"))
    assert "`chmod 700 /plain`" in chmod_hint(Path("/plain"), mode="700")


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    (tmp_path / "there").chmod(0o755)
    make_folder(tmp_path / "there" / "new" / "newer")
    modes = [p.stat().st_mode & 0o777 for p in (tmp_path / "there").rglob("*")]
    assert modes == [0o700, 0o700]
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o755


# --- as a person does it ----------------------------------------------------------------------


def test_commands_work_from_elsewhere_in_a_plain_locale_and_another_time_zone(
    tmp_path: Path,
) -> None:
    """`map` of a file with a space in its name, without anything of the checkout's folder."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    sample = ROOT / "cds_hooks/cds_client/sample_patients/breathless.json"
    shutil.copy(sample, folder / "my chart.json")
    done = subprocess.run(
        [sys.executable, "-m", "cds_hooks", "map", "my chart.json", "--json"],
        cwd=folder, capture_output=True, timeout=100,
        env={"PATH": os.environ["PATH"], "LANG": "C", "TZ": "Pacific/Kiritimati",
             "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == [folder / "my chart.json"]
