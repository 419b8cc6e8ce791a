"""Changes of a settings file's text: comments stay, and the result holds what was meant."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.settings.settings_file import FileNotChanged, as_toml, replace_text, with_client

ENTRY = {"name": "ehr", "issuer": "urn:ehr", "jku": "https://ehr.example/jwks", "tenants": ["a"]}
BASE = "https://fhir.example/r4"


def added(text: str, *bases: str) -> tuple[str, dict[str, Any]]:
    changed = with_client(text, ENTRY, bases)
    return changed, tomllib.loads(changed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        'profile = "demo"   # the profile\n\n[server]\nport = 1\n',
        "clients = []   # none yet\n[fhir]\n# bases\n",
        "[fhir]\nallowed_bases = []\n[server]\nport = 1\n",
        '[fhir]\nallowed_bases = ["https://a.example",]  # one\nread_s = 1.0\n',
        '[server]\nport = 1\n[fhir]   # of the hospital\nread_s = 1.0\n[log]\nlevel = "info"\n',
        '[[clients]]\nname = "first"\nissuer = "urn:x"\njku = "https://x.example"\n',
    ],
)
def test_comments_and_order_stay(text: str) -> None:
    changed, found = added(text, BASE)
    before = tomllib.loads(text)
    assert found["clients"] == [*before.get("clients", []), ENTRY]
    assert found["fhir"]["allowed_bases"] == [
        *before.get("fhir", {}).get("allowed_bases", []),
        BASE,
    ]
    for line in text.splitlines():
        if "#" in line and not line.startswith("clients"):
            assert line.partition("#")[2] in changed


def test_a_server_that_is_listed_is_not_listed_twice() -> None:
    text = f'[fhir]\nallowed_bases = ["{BASE}"]\n'
    assert added(text, BASE)[1]["fhir"]["allowed_bases"] == [BASE]
    assert added(text)[0].startswith(text)


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        'clients = [{name = "a", issuer = "b", jku = "https://c.example"}]\n',
        '[fhir]\nallowed_bases = [\n  "https://a.example",\n]\n',
        "fhir = {allowed_bases = []}\n",
        "fhir.read_s = 1.0\n",
        'text = """\n[fhir]\n"""\n',
    ],
)
def test_a_form_that_cannot_be_added_to_is_refused_with_what_to_add(text: str) -> None:
    with pytest.raises(FileNotChanged) as refused:
        with_client(text, ENTRY, (BASE,))
    if text != "not toml":
        assert "urn:ehr" in refused.value.hint
        assert BASE in refused.value.hint


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=2))
def test_any_text_holds_exactly_what_was_added_or_is_refused(text: str, bases: list[str]) -> None:
    try:
        before = tomllib.loads(text)
        changed = with_client(text, ENTRY, tuple(bases))
    except (FileNotChanged, tomllib.TOMLDecodeError):
        return
    found = tomllib.loads(changed)
    assert found["clients"][-1] == ENTRY
    assert {key: found[key] for key in before if key not in ("clients", "fhir")} == {
        key: value for key, value in before.items() if key not in ("clients", "fhir")
    }


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text() | st.lists(st.text())))
def test_any_value_is_written_as_it_is_or_not_at_all(values: dict[str, Any]) -> None:
    try:
        found = tomllib.loads(as_toml("[table]", values))
    except tomllib.TOMLDecodeError:  # characters that no TOML text may hold
        assert json.dumps(values, ensure_ascii=False)
        return
    assert found == {"table": values}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_file_keeps_its_mode_and_is_replaced_whole(tmp_path: Path, mode: int) -> None:
    file, link = tmp_path / "chartside.toml", tmp_path / "link.toml"
    file.write_text("old")
    file.chmod(mode)
    link.symlink_to(file)
    replace_text(link, "new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == mode
    assert link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chartside.toml", "link.toml"]
