"""`chartside clients add`: by options, by questions, and what it refuses."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cli.application import main
from cds_hooks.settings import load_settings
from cds_hooks.settings.new_client import ehr_families
from tests.pseudo_terminal import at_a_pseudo_terminal
from tests.trust.conftest import Signer, key_set

Run = Callable[..., tuple[int, str, str]]
FHIR = "https://fhir.hospital.example/api/FHIR/R4"
JKU = "https://fhir.hospital.example/jwks"
TEXT = '# ours\nprofile = "demo"\n\n[server]\nport = 0  # any\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chartside.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def add(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        words = ["chartside", "clients", "add", "--config", str(file), *arguments]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


def test_epic_by_options(add: Run, file: Path) -> None:
    file.chmod(0o640)
    code, out, err = add("--ehr", "epic", "--keys", JKU, "--fhir-base", FHIR, "--json")
    assert code == 0, err
    [client] = load_settings(file, {}).clients
    assert (client.name, client.issuer, client.jku) == ("epic", FHIR, JKU)
    assert (client.algorithms, client.card_profile, client.fhir_bases) == (
        ("RS384",),
        "epic",
        (FHIR,),
    )
    assert file.read_text().startswith(TEXT)
    assert file.stat().st_mode & 0o777 == 0o640
    told = json.loads(out)
    assert tomllib.loads(told["toml"])["clients"] == [told["client"]]


def test_any_ehr_with_keys_of_a_file_audience_and_tenant(add: Run, file: Path) -> None:
    jwks = file.with_name("ehr.jwks.json")
    jwks.write_text(key_set(Signer().jwk()))
    options = ["--ehr", "generic", "--name", "ehr", "--issuer", "urn:ehr", "--keys", str(jwks)]
    code, out, err = add(*options, "--audience", "sand_man", "--tenant", "t1", "--yes")
    assert code == 0, err
    assert "[[clients]]" in out
    assert "chartside doctor clients --config" in out
    [client] = load_settings(file, {}).clients
    assert (client.jwks_file, client.audiences, client.tenants) == (jwks, ("sand_man",), ("t1",))


def test_several_clients_one_after_the_other(add: Run, file: Path) -> None:
    assert (
        add("--ehr", "oracle", "--keys", "https://authorization.cerner.com/jwk/k1", "--yes")[0] == 0
    )
    assert add("--ehr", "epic", "--keys", JKU, "--fhir-base", FHIR, "--yes")[0] == 0
    assert [c.name for c in load_settings(file, {}).clients] == ["oracle", "epic"]


def test_it_is_added_although_production_lacks_other_things(add: Run, file: Path) -> None:
    file.write_text('profile = "production"\n')
    assert (
        add("--ehr", "oracle", "--keys", "https://authorization.cerner.com/jwk/k1", "--yes")[0] == 0
    )
    assert "[[clients]]" in file.read_text()


EPIC = ("--ehr", "epic", "--keys", JKU, "--fhir-base", FHIR, "--yes")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--ehr", "meditech"), "Known are epic, oracle, generic"),
        (("--ehr", "generic", "--yes"), "--issuer"),
        ((*EPIC, "--name", "A B"), "clients.0.name"),
        ((*EPIC, "--issuer", "https://sandbox.cds-hooks.org"), "serve --sandbox"),
        ((*EPIC[:3], "none.json", *EPIC[4:]), "cannot be read"),
        (("--ehr", "epic", "--keys", JKU, "--fhir-base", "ftp://x", "--yes"), "http"),
    ],
)
def test_what_cannot_be_added_changes_nothing(
    add: Run, file: Path, options: tuple[str, ...], says: str
) -> None:
    code, _, err = add(*options)
    assert code == 3
    assert says in err
    assert file.read_text() == TEXT
    assert sorted(p.name for p in file.parent.iterdir()) == ["chartside.toml"]


@pytest.mark.parametrize("same", [(), ("--name", "other"), ("--issuer", "urn:other")])
def test_a_name_or_issuer_that_is_there_is_refused(
    add: Run, file: Path, same: tuple[str, ...]
) -> None:
    assert add(*EPIC)[0] == 0
    before = file.read_text()
    code, _, err = add(*EPIC, *same)
    assert (code, "one name or issuer" in err) == (3, True)
    assert file.read_text() == before


@pytest.mark.parametrize("content", ["{}", '{"keys": []}', "-----BEGIN PRIVATE KEY-----"])
def test_a_file_without_a_usable_key_is_refused(add: Run, file: Path, content: str) -> None:
    keys = file.with_name("keys.json")
    keys.write_text(content)
    code, _, err = add("--ehr", "generic", "--issuer", "urn:x", "--keys", str(keys), "--yes")
    assert code == 3
    assert "chartside doctor jwks" in err


def test_a_file_that_is_not_there_is_made_by_init(add: Run, file: Path) -> None:
    file.unlink()
    code, _, err = add(*EPIC)
    assert code == 3
    assert "chartside init" in err


def test_the_questions_are_answered_at_a_terminal(file: Path) -> None:
    answers = ["epic", "main", FHIR, "", JKU, "", "", "y"]
    code, shown = at_a_pseudo_terminal(["clients", "add"], answers, file.parent)
    assert code == 0, shown
    assert "Which EHR? epic (Epic), oracle (Oracle Health)" in shown
    [client] = load_settings(file, {}).clients
    assert (client.name, client.issuer, client.jku) == ("main", FHIR, JKU)


def test_who_says_no_changes_nothing(file: Path) -> None:
    answers = ["generic", "ehr", "", "urn:ehr", JKU, "", "", "n"]
    code, shown = at_a_pseudo_terminal(["clients", "add"], answers, file.parent)
    assert code == 1, shown
    assert file.read_text() == TEXT


def test_every_family_has_a_source() -> None:
    rows: dict[str, Any] = dict(ehr_families())
    assert list(rows) == ["epic", "oracle", "generic"]
    assert all(len(row.source.split()) > 3 for row in rows.values())
