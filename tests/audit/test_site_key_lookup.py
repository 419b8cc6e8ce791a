"""Where the site key comes from, in which order, and what production asks of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.audit import KeyRefused, SiteKey
from cds_hooks.audit.encryption.rotation import load_or_create_successor
from cds_hooks.audit.site_key_lookup import CREDENTIAL, VARIABLE, find_site_key
from cds_hooks.settings import Settings
from cds_hooks.settings.store_requirements import record_lacks

FILE, LOADED, TOLD = "11" * 32, "22" * 32, "33" * 32


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A credential and a variable, each with another key."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / CREDENTIAL).write_text(LOADED)
    (folder / CREDENTIAL).chmod(0o440)  # as systemd's access list shows
    return {"CREDENTIALS_DIRECTORY": str(folder), VARIABLE: TOLD}


def _id(text: str) -> str:
    return SiteKey(bytes.fromhex(text)).key_id


def test_the_file_comes_first_then_the_credential_then_the_variable(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    file = tmp_path / "site.key"
    file.write_text(FILE)
    file.chmod(0o600)
    found = find_site_key(file, environ)
    assert (found.origin, found.key.key_id) == ("file", _id(FILE))
    file.unlink()
    found = find_site_key(file, environ, create=True)
    assert (found.origin, found.key.key_id) == ("credential", _id(LOADED))
    found = find_site_key(file, {VARIABLE: TOLD})
    assert (found.origin, found.key.key_id) == ("environment", _id(TOLD))
    assert not file.exists()
    with pytest.raises(KeyRefused, match="cannot be read"):
        find_site_key(file, {})
    assert find_site_key(file, {}, create=True).origin == "file"


def test_a_file_that_is_refused_is_not_passed_over_for_another_source(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    file = tmp_path / "site.key"
    file.write_text(FILE)
    file.chmod(0o640)
    with pytest.raises(KeyRefused, match="group or others"):
        find_site_key(file, environ)


def test_a_credential_that_everybody_reads_is_refused(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "credentials" / CREDENTIAL).chmod(0o444)
    with pytest.raises(KeyRefused, match="others may read"):
        find_site_key(tmp_path / "none", environ)


@pytest.mark.parametrize("text", ["", "zz" * 32, FILE + "\nidentity/1 00", FILE + "\nother 00"])
def test_a_bad_key_is_refused_from_anywhere_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "site.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(KeyRefused) as caught:
        find_site_key(file, {})
    assert FILE not in caught.value.diagnostics()
    if text:
        with pytest.raises(KeyRefused) as caught:
            find_site_key(tmp_path / "none", {VARIABLE: text})
        assert FILE not in caught.value.diagnostics()


def test_an_identity_sealed_for_another_key_is_refused(tmp_path: Path, site_key: SiteKey) -> None:
    load_or_create_successor(tmp_path / "new.key", site_key)
    first, second = (tmp_path / "new.key").read_text().splitlines()
    (tmp_path / "new.key").write_text(f"{FILE}\n{second}\n")
    with pytest.raises(KeyRefused):
        SiteKey.load(tmp_path / "new.key")
    assert first != FILE


def _codes(settings: Settings, environ: dict[str, str] | None = None) -> set[str]:
    return {code for code, _, _ in record_lacks(settings, environ or {})}


@pytest.fixture
def sound(tmp_path: Path) -> Any:
    """Settings whose records are kept as production asks."""
    key = tmp_path / "keys" / "site.key"
    SiteKey.load(key, create=True)
    store = Settings().store.model_copy(update={"path": str(tmp_path / "db"), "site_key": key})
    return Settings().model_copy(update={"store": store})


def test_production_lacks_nothing_with_a_key_and_a_place_of_its_own(sound: Settings) -> None:
    assert _codes(sound) == set()


def test_production_refuses_each_weakness_by_name(sound: Settings, environ: dict[str, str]) -> None:
    key = sound.store.site_key
    assert _codes(sound, environ) == {"site-key-in-environment"}
    key.chmod(0o640)
    assert _codes(sound) == {"site-key-readable"}
    key.chmod(0o600)
    key.parent.chmod(0o777)
    assert _codes(sound) == {"site-key-folder-writable"}
    key.unlink()
    assert _codes(sound) == {"site-key-missing"}
    environ.pop(VARIABLE)
    assert _codes(sound, environ) == set()
    assert "records-in-build" in _codes(Settings())


def test_production_refuses_a_key_in_the_build_folder(sound: Settings, tmp_path: Path) -> None:
    from cds_hooks.settings import store_requirements

    inside = tmp_path / "checkout" / "build" / "site.key"
    SiteKey.load(inside, create=True)
    store = sound.store.model_copy(update={"site_key": inside})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_requirements, "CHECKOUT", tmp_path / "checkout")
        assert _codes(sound.model_copy(update={"store": store})) == {"site-key-in-build"}


def test_the_key_of_a_found_source_is_not_in_its_repr(tmp_path: Path) -> None:
    found = find_site_key(tmp_path / "none", {VARIABLE: TOLD})
    assert TOLD not in repr(found)
    assert TOLD not in repr(replace(found, origin="file"))


@given(st.text())
def test_any_text_is_a_key_or_refused_by_code(text: str) -> None:
    try:
        key = SiteKey.parse(text, where="test")
    except KeyRefused:
        return
    assert len(key.key_id) == 16
