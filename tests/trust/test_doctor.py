"""`chartside doctor token`: each step told, and nothing of the signature."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.trust.conftest import BASE, ISSUER, Signer, good_claims, key_set
from tests.trust.test_transport import Authority


@pytest.fixture
def doctor(tmp_path: Path, signer: Signer) -> Any:
    keys = tmp_path / "keys.json"
    keys.write_text(key_set(signer.jwk()))
    config = tmp_path / "chartside.toml"
    config.write_text(
        f'[server]\npublic_url = "{BASE}"\n[[clients]]\nname = "ehr"\n'
        f'issuer = "{ISSUER}"\njwks_file = "keys.json"\n'
    )

    def run(text: str, *options: str, client: str = "") -> Any:
        whole = config.read_text()
        config.write_text(whole + client)
        file = tmp_path / "token"
        file.write_text(text)
        command = [sys.executable, "-m", "cds_hooks", "doctor", "token", str(file)]
        return subprocess.run(
            [*command, "--config", str(config), *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_good_token(doctor: Any, signer: Signer) -> None:
    token = signer.sign()
    done = doctor(f"Authorization: Bearer {token}\n", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["accepted"]) == (0, True)
    assert {step["result"] for step in told["steps"]} == {"PASS"}
    assert told["token"]["claims"]["iss"] == ISSUER
    assert token.rpartition(".")[2] not in done.stdout + done.stderr


def test_a_refused_one_says_where(doctor: Any, signer: Signer) -> None:
    now = int(time.time())
    token = signer.sign(good_claims(iat=now - 4000, exp=now - 3700))
    done = doctor(token, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["accepted"]) == (1, False)
    failed = [step["step"] for step in told["steps"] if step["result"] == "FAIL"]
    assert failed == ["expired"]
    then = datetime.fromtimestamp(now - 3900, UTC).isoformat()
    assert doctor(token, "--at", then).returncode == 0
    other = doctor(token, "--json", "--at", then, "--path", "/cds-services")
    failed = [s["step"] for s in json.loads(other.stdout)["steps"] if s["result"] == "FAIL"]
    assert failed == ["audience"]


def test_an_unknown_issuers_token_for_a_person(doctor: Any) -> None:
    unknown = Signer(kid="k1\x1b[31m")
    token = unknown.sign(good_claims(iss="https://attacker.example", aud="[red]x[/red]"))
    done = doctor(token)
    assert done.returncode == 1
    assert "no [[clients]] entry has this iss" in " ".join(done.stdout.split())
    assert "SKIP" in done.stdout
    assert "would be refused" in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert token.rpartition(".")[2] not in done.stdout


@pytest.mark.parametrize("text", ["", "not a token", "a.b", "\x00\x01"])
def test_what_is_no_token(doctor: Any, text: str) -> None:
    done = doctor(text, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["steps"][0]["result"] == "FAIL"


def test_what_cannot_be_read(doctor: Any) -> None:
    assert doctor("x", "--at", "yesterday").returncode == 3


@pytest.mark.slow
def test_the_certificate_of_a_bound_client(doctor: Any, signer: Signer, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "site")
    mine, other = (str(authority.issue(name)[0]) for name in ("ehr", "other"))
    bound = 'certificate_subjects = ["CN=ehr"]\n[tls]\ncertificate = "c"\nkey = "k"\n'
    bound += 'client_authority = "a"\n'

    def step(*options: str, client: str = "") -> tuple[str, int]:
        done = doctor(signer.sign(), "--json", *options, client=client)
        steps = json.loads(done.stdout)["steps"]
        (found,) = [each["result"] for each in steps if each["step"] == "certificate"]
        return found, done.returncode

    assert step(client=bound) == ("SKIP", 0)
    assert step("--certificate", mine) == ("PASS", 0)
    assert step("--certificate", other) == ("FAIL", 1)
    (tmp_path / "nothing.pem").write_text("nothing")
    assert doctor(signer.sign(), "--certificate", str(tmp_path / "nothing.pem")).returncode == 3
